import { generateKeyPairSync } from 'node:crypto';

export default () => {
  for (;;) generateKeyPairSync('rsa', { modulusLength: 8192 });
};
