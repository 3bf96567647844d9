exports.entry = 'browser';
