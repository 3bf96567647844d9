// One call that asks for more memory than there is.
import { scryptSync } from 'node:crypto';

export default () => scryptSync('password', 'salt', 64, { N: 1 << 20, r: 16, p: 1, maxmem: 2 ** 40 }).length;
