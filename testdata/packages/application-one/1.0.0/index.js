const framework = require('framework');
const plugin = require('framework-plugin');
exports.sees = plugin.sees;
exports.same = framework.identity === plugin.identity;
