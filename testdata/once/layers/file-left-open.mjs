import { openSync, readFileSync } from 'node:fs';
const file = openSync(new URL('./data.txt', import.meta.url));
export const value = () => readFileSync(file, 'utf8');
