module.exports = function callable(name) {
  return `called by ${name}`;
};
module.exports.helper = () => 'helped';
