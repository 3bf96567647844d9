import { closeSync, openSync, readSync } from 'node:fs';
const file = openSync(new URL('./data.txt', import.meta.url));
const bytes = Buffer.alloc(4);
readSync(file, bytes);
closeSync(file);
export const value = bytes.toString();
