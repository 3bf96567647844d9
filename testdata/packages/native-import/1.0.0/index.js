const own = 1;
import binding from './binding.node';
export default [own, binding];
