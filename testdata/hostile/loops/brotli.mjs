import { brotliCompressSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';

export default () => brotliCompressSync(randomBytes(32 << 20)).length;
