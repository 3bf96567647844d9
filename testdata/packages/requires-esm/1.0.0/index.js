const namespace = require('esm-only');
exports.greeting = new namespace.default().greet('require');
exports.names = Object.keys(namespace).sort();
