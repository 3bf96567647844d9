const { AsyncLocalStorage } = require('async_hooks');
const { Transform, pipeline } = require('stream');
const { promisify } = require('util');

const storage = new AsyncLocalStorage();

exports.run = (name) =>
  storage.run({ name }, async () => {
    await null;
    const chunks = [];
    const upper = new Transform({
      transform(chunk, _encoding, done) {
        done(null, `${storage.getStore().name}:${chunk}`.toUpperCase());
      },
    });
    upper.on('data', (chunk) => chunks.push(String(chunk)));
    const finished = promisify(pipeline)(require('stream').Readable.from(['a', 'b']), upper);
    await finished;
    return chunks;
  });
