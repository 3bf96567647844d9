exports.next = require('counter').next;
