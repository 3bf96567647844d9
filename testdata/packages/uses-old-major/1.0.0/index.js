exports.inner = require('majors').version;
