import fs from 'node:fs';
const read = (place) => fs.readFileSync(place, 'utf8').trim();
export default [
  read(new URL('./data/text.txt', import.meta.url)),
  read(import.meta.dirname + '/data/text.txt'),
  read(new URL(import.meta.resolve('./data/text.txt'))),
  import.meta.filename.endsWith('/reads-data/esm.mjs'),
];
