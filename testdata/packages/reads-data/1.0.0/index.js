const fs = require('fs');
const path = require('path');
exports.text = fs.readFileSync(path.join(__dirname, 'data', 'text.txt'), 'utf8').trim();
exports.bytes = [...fs.readFileSync(require.resolve('./data/bytes.bin'))];
exports.names = fs.readdirSync(path.dirname(__filename) + '/data').sort();
exports.version = require('./package.json').version;
