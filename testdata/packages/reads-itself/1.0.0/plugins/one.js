const { kind } = require('../index.js');
exports.name = 'one';
exports.kind = kind;
exports.place = [__filename, __dirname];
