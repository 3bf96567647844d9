import { readFile } from 'node:fs/promises';
export const value = JSON.parse(await readFile(new URL('./package.json', import.meta.url), 'utf8')).version;
