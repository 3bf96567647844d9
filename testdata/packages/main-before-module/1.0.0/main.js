exports.entry = 'main';
