exports.file = __filename;
exports.folder = __dirname;
