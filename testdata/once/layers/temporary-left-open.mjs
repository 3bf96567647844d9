import { openSync, readFileSync, writeSync } from 'node:fs';
const file = openSync('/tmp/left-open', 'w+');
export const value = () => {
  writeSync(file, 'written');
  return readFileSync('/tmp/left-open', 'utf8');
};
