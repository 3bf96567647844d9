import { gzipSync, gunzipSync } from 'node:zlib';

export default () => {
  const packed = gzipSync(Buffer.alloc(16 << 20));
  const kept: Buffer[] = [];
  for (;;) kept.push(gunzipSync(packed));
};
