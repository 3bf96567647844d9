exports.loaded = 'beside a binary file';
