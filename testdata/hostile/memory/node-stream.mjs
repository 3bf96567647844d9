import { PassThrough } from 'node:stream';

export default () => {
  const stream = new PassThrough();
  for (;;) stream.write(Buffer.alloc(1 << 16, 1));
};
