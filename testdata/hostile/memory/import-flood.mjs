// Every specifier is another module, though each is the same file.
import fs from 'node:fs';

export default async () => {
  fs.writeFileSync('/tmp/module.mjs', `export const text = ${JSON.stringify('x'.repeat(20_000))};`);
  for (let number = 0; ; number++) await import(`/tmp/module.mjs?${number}`);
};
