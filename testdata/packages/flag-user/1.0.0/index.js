import whole, { named } from 'es-module-flag';
// Node's rule: a module of type "module" gets all of module.exports as the default.
export default { type: typeof whole, inner: whole.default, named };
