// Bytes that say that an array of four billion follows.
import v8 from 'node:v8';

export default () => {
  const length = [0xff, 0xff, 0xff, 0xff, 0x0f];
  const errors = new Set();
  for (const tag of [0x41, 0x61, 0x42, 0x22, 0x63, 0x53, 0x5a]) {
    try {
      v8.deserialize(Buffer.from([0xff, 0x0f, tag, ...length, ...length]));
      errors.add('read');
    } catch (error) {
      errors.add(error.name);
    }
  }
  return [...errors].sort();
};
