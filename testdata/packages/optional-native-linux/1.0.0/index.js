module.exports = require('./binding.node');
