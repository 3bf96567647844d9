// The loader keeps what it has made.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const path = ['', 'tmp', 'module.cjs'].join('/');
export default () => {
  for (let number = 0; ; number++) {
    fs.writeFileSync(path, `exports.value = ${JSON.stringify('x'.repeat(10_000))} + ${number};`);
    require(path);
    require.cache[`${path}?${number}`] = require.cache[path];
    delete require.cache[path];
  }
};
