import { createHash, createHmac, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync, gunzipSync, brotliCompressSync, brotliDecompressSync, deflateSync, inflateSync } from 'node:zlib';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Buffer } from 'node:buffer';
import { EventEmitter, once } from 'node:events';
import path from 'node:path';
import { promisify, inspect, types } from 'node:util';
import assert from 'node:assert';
import { StringDecoder } from 'node:string_decoder';
import qs from 'node:querystring';
import { setTimeout as later } from 'node:timers/promises';

const storage = new AsyncLocalStorage<string>();

export default async () => {
  const upper: string[] = [];
  const transform = new Transform({ transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()) });
  transform.on('data', (chunk) => upper.push(String(chunk)));
  await pipeline(Readable.from(['a', 'b']), transform);
  const emitter = new EventEmitter();
  const ready = once(emitter, 'ready');
  emitter.emit('ready', 7);
  const text = 'hoist '.repeat(50);
  return {
    sha: createHash('sha256').update('abc').digest('hex'),
    hmac: createHmac('sha1', 'key').update('data').digest('base64'),
    scrypt: scryptSync('password', 'salt', 16).toString('hex'),
    uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4/.test(randomUUID()),
    equal: timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
    upper,
    gzip: gunzipSync(gzipSync(text)).toString() === text,
    brotli: brotliDecompressSync(brotliCompressSync(text)).toString() === text,
    deflate: inflateSync(deflateSync(text)).toString() === text,
    stored: await storage.run('context', async () => {
      await later(1);
      return storage.getStore();
    }),
    buffer: Buffer.from('hoist').toString('base64url') + Buffer.concat([Buffer.from([1]), Buffer.alloc(2)]).toString('hex'),
    event: (await ready)[0],
    path: path.join('/a', '..', 'b', 'c.txt'),
    promisified: await promisify((value: number, done: (error: null, value: number) => void) => done(null, value + 1))(1),
    inspected: inspect(new Map([['a', { b: [1] }]])),
    isDate: types.isDate(new Date()),
    decoded: new StringDecoder('utf8').write(Buffer.from([0xe2, 0x82, 0xac])),
    query: qs.stringify({ a: [1, 2], b: 'c d' }),
    asserted: (() => {
      try {
        assert.deepStrictEqual({ a: 1 }, { a: 2 });
        return 'equal';
      } catch (error) {
        return (error as any).code;
      }
    })(),
  };
};
