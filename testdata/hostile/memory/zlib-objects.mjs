// Each has tables of its own outside of the engine.
import { createDeflate } from 'node:zlib';

export default () => {
  const kept = [];
  for (;;) {
    const deflate = createDeflate({ level: 9, memLevel: 9 });
    deflate.write('x');
    kept.push(deflate);
  }
};
