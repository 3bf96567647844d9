exports.value = require('never-published');
