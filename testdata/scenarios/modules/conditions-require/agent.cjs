const { picked } = require('conditions');
const required = require('conditions/required');
module.exports = () => [picked, required];
