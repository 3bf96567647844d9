exports.origin = 'registry';
