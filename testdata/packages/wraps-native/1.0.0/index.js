exports.fast = require('native-addon');
