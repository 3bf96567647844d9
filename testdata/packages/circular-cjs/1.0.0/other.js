const first = require('./index.js');
exports.seen = Object.keys(first);
exports.look = () => Object.keys(first);
