// Work outside of the engine, on the program's own thread.
import { createHash } from 'node:crypto';

const bytes = Buffer.alloc(8 << 20);
export default () => {
  for (;;) createHash('sha512').update(bytes).digest();
};
