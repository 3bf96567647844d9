import { createSecretKey, generateKeyPairSync } from 'node:crypto';

export default () => {
  const kept = [];
  for (;;) kept.push(createSecretKey(Buffer.alloc(1 << 16, 1)), generateKeyPairSync('ed25519'));
};
