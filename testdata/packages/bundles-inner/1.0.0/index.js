exports.inner = require('inner').origin;
