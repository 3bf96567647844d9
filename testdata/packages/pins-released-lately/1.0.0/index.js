exports.version = '1.0.0';
exports.below = require('released-lately').version;
