import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
export const value = [
  createHash('sha256').update('x').digest('hex').slice(0, 8),
  createHmac('sha256', 'key').update('x').digest('hex').slice(0, 8),
  pbkdf2Sync('x', 'salt', 1, 4, 'sha256').toString('hex'),
  gunzipSync(gzipSync('zipped')).toString(),
].join(' ');
