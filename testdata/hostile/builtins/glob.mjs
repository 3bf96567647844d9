// Backtracking in a matcher of Node's own.
import path from 'node:path';

export default () => path.matchesGlob('a'.repeat(60), `${'*a'.repeat(40)}b`);
