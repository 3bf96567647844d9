import whole, { named } from 'es-module-flag';
export default { type: typeof whole, inner: whole.default, named };
