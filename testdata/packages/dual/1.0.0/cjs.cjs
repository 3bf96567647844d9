exports.kind = 'cjs';
exports.default = function describe() {
  return 'dual as cjs';
};
