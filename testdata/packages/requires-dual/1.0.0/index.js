exports.seen = require('dual').kind;
