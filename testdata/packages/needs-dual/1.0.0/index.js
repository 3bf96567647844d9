exports.kind = require('dual').kind;
