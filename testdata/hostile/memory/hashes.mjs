import { createHash, createHmac } from 'node:crypto';

export default () => {
  const kept = [];
  for (let number = 0; ; number++) kept.push(createHash('sha512').update('x'), createHmac('sha256', `key ${number}`));
};
