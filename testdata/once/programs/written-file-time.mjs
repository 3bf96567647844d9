import { statSync, writeFileSync } from 'node:fs';
writeFileSync('/tmp/written', 'x');
const loaded = statSync('/tmp/written').mtimeMs;
export default () => loaded;
