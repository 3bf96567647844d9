exports.found = 'at the end of a path of 150 characters';
