exports.value = require('majors');
