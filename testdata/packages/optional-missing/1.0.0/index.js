let found;
try {
  found = require('never-published');
} catch (error) {
  found = error.code === 'MODULE_NOT_FOUND' ? 'fallback' : `other error: ${error}`;
}
exports.found = found;
