exports.value = require('from-git');
