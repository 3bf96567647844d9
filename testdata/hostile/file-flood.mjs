// Fills /tmp with bytes, with names, with holes: each ends in "no space", and what is taken away makes room.
import fs from 'node:fs';

const code = (work) => {
  try {
    return work() ?? 'done';
  } catch (error) {
    return error.code;
  }
};

export default () => {
  const chunk = Buffer.alloc(1 << 20);
  let written = 0;
  const full = code(() => {
    for (;;) {
      fs.appendFileSync('/tmp/full', chunk);
      written += chunk.length;
    }
  });
  const another = code(() => fs.writeFileSync('/tmp/another', 'x'));
  const hole = code(() => fs.truncateSync('/tmp/full', 2 ** 40));
  const descriptor = fs.openSync('/tmp/hole', 'w');
  const far = code(() => fs.writeSync(descriptor, 'x', 2 ** 40));
  fs.closeSync(descriptor);
  fs.unlinkSync('/tmp/full');
  const room = code(() => fs.writeFileSync('/tmp/another', chunk));
  let names = 0;
  const many = code(() => {
    for (; names < 1_000_000; names++) fs.mkdirSync(`/tmp/${names}`);
  });
  const deep = code(() => fs.mkdirSync(`/tmp/0/${'d/'.repeat(2000)}`, { recursive: true }));
  return [full, written > 1 << 20 && written <= 64 << 20, another, hole, far, room, many, names < 1_000_000, deep];
};
