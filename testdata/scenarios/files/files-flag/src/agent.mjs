import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const code = (work) => {
  try {
    return String(work());
  } catch (error) {
    return error.code;
  }
};

export default () => [
  readdirSync('/hoist'),
  readFileSync(new URL('../data/a.csv', import.meta.url), 'utf8'),
  readdirSync('/hoist/data/deep'),
  `${code(() => writeFileSync('/x', ''))} ${code(() => readFileSync('/hoist/.hidden/x'))}`,
  readFileSync('/hoist/notes/note.txt', 'utf8'),
];
