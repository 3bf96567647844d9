module.exports = require('./passwd.json');
