import fs from 'node:fs';
import { readFile, open } from 'node:fs/promises';
import 'reads-itself';

const folder = '/hoist/node_modules/reads-itself';
const failure = (path) => {
  try {
    return `read ${fs.readFileSync(path).length} bytes`;
  } catch (error) {
    return error.code;
  }
};

export default async () => {
  const file = await open(`${folder}/index.js`);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 'exports.'.length);
  await file.close();
  const plain = fs.statSync(`${folder}/index.js`);
  return {
    names: fs.readdirSync(folder),
    table: JSON.parse(await readFile(`${folder}/data/table.json`, 'utf8')),
    stat: [plain.isFile(), fs.statSync(folder).mode.toString(8), plain.mode.toString(8)],
    piece: buffer.toString(),
    failures: [`${folder}/nope`, `${folder}/index.js/nope`, folder, '/hoist/../etc/passwd', '/proc/self/environ', 'a\0b'].map(failure),
    packages: fs.readdirSync('/hoist/node_modules'),
    real: fs.realpathSync(`${folder}/../reads-itself/./index.js`),
    own: fs.readdirSync(process.cwd()),
  };
};
