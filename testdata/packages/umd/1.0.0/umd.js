(function (root, factory) {
  if (typeof define === 'function' && define.amd) define(['callable'], factory);
  else if (typeof module === 'object' && module.exports) module.exports = factory(require('callable'));
  else root.umd = factory(root.callable);
})(this, function (callable) {
  return { say: () => callable('umd') };
});
