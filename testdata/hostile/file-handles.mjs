// Opens ten thousand files: there is an end to them, and closing one makes room for another.
import fs from 'node:fs';
import { open } from 'node:fs/promises';

export default async () => {
  fs.writeFileSync('/tmp/file', 'x');
  const held = [];
  const codes = new Set();
  for (let index = 0; index < 10_000; index++) {
    try {
      held.push(fs.openSync(index % 2 ? '/tmp/file' : '/hoist/file-handles.mjs'));
    } catch (error) {
      codes.add(error.code);
    }
  }
  const later = await open('/tmp/file').then(() => 'opened', (error) => error.code);
  const read = await fs.promises.readFile('/tmp/file').then(() => 'read', (error) => error.code);
  for (const descriptor of held) fs.closeSync(descriptor);
  const again = await open('/tmp/file').then((file) => file.close().then(() => 'opened'));
  let closedTwice;
  try {
    fs.closeSync(held[0]);
  } catch (error) {
    closedTwice = error.code;
  }
  return [held.length < 10_000 && held.length > 100, [...codes], later, read, again, closedTwice];
};
