exports.early = 'set before';
const other = require('./other.js');
exports.late = 'set after';
exports.seenByOther = other.seen;
exports.laterSeenByOther = () => other.look();
