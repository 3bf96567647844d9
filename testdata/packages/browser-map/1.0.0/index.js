const side = require('./server.js');
const events = require('events');
module.exports = { side, hasEvents: typeof events === 'function' };
