module.exports = function two() {
  return require('../data/table.json').two;
};
module.exports.extra = 'extra';
