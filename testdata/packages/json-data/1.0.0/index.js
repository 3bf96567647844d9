const table = require('./data.json');
exports.sum = table.numbers.reduce((sum, number) => sum + number, 0);
exports.own = require('./package.json').version;
