// Before anybody else has loaded it.
const name = ['spe', 'aks'].join('');
const speaks = module.require(name);
exports.languages = speaks.languages;
exports.same = (other) => other === speaks && other === require('speaks');
exports.cached = () => Object.keys(require.cache).filter((path) => path.includes('speaks')).sort();
exports.fresh = () => {
  delete require.cache[require.resolve('speaks')];
  return require(name) === speaks;
};
