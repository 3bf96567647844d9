const framework = require('framework');
exports.sees = framework.version;
exports.identity = framework.identity;
