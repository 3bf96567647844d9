exports.old = require('old-majors').version;
exports.now = require('majors').version;
