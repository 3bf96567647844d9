import { writeFileSync, readFileSync, existsSync } from 'node:fs';
const seen = new Set();
export default (input) => {
  const before = [seen.size, existsSync('/tmp/seen')];
  seen.add(input);
  writeFileSync('/tmp/seen', 'x');
  return [...before, readFileSync('/tmp/seen', 'utf8')];
};
