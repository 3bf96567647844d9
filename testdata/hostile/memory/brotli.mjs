import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';

export default () => {
  const packed = brotliCompressSync(Buffer.alloc(16 << 20));
  const kept = [];
  for (;;) kept.push(brotliDecompressSync(packed));
};
