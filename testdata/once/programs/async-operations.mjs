import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
export default async () => {
  await writeFile('/tmp/later', 'written');
  const zipped = await promisify(gzip)(await readFile('/tmp/later'));
  const digest = await crypto.subtle.digest('SHA-256', zipped);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  return [(await promisify(gunzip)(zipped)).toString(), digest.byteLength];
};
