import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export default () => pipeline(
  new Readable({ read() { this.push('x'); } }),
  new Writable({ write: (_chunk, _encoding, done) => done() }),
);
