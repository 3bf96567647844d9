import { PassThrough } from 'node:stream';
import http2 from 'node:http2';

export default () => {
  const kept = [];
  for (;;) {
    const session = http2.connect('http://localhost', { createConnection: () => new PassThrough() });
    session.on('error', () => {});
    kept.push(session);
  }
};
