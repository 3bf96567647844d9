import { readFileSync, writeFileSync } from 'node:fs';
writeFileSync('/tmp/written', 'kept');
export const value = () => readFileSync('/tmp/written', 'utf8');
