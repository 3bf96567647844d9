const crypto = require('crypto');
const zlib = require('zlib');
const path = require('path');
const { Buffer: NodeBuffer } = require('buffer');
const util = require('node:util');

exports.digest = (text) => crypto.createHash('sha256').update(text).digest('hex');
exports.roundTrip = (text) => zlib.gunzipSync(zlib.gzipSync(NodeBuffer.from(text))).toString();
exports.joined = path.join('a', '..', 'b');
exports.inspected = util.inspect({ a: [1, { b: 2 }] });
exports.isBuffer = NodeBuffer === Buffer;
