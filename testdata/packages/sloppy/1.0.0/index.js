var results = {};
with ({ scoped: 'with' }) { results.with = scoped; }
results.octal = 010;
results.escape = '\101';
results.callee = (function (n) { return n < 2 ? 1 : n * arguments.callee(n - 1) })(4);
(function () { this.sloppyGlobal = 'this' })();
results.global = sloppyGlobal;
delete results;
results.helper = require('./strict').name;
module.exports = results;
