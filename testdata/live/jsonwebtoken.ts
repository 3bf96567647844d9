import jwt from 'npm:jsonwebtoken@9.0.2';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';

export default () => {
  const token = jwt.sign({ sub: '42', admin: true, iat: 1700000000 }, 'secret', { issuer: 'hoist' });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signed = jwt.sign({ a: 1 }, privateKey, { algorithm: 'RS256', noTimestamp: true });
  const failure = (work: () => unknown) => {
    try {
      return work();
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  return {
    token,
    verified: jwt.verify(token, 'secret'),
    wrong: failure(() => jwt.verify(token, 'other')),
    expired: failure(() => jwt.verify(jwt.sign({ exp: 1 }, 'secret'), 'secret')),
    rsa: jwt.verify(signed, createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), { algorithms: ['RS256'] }),
  };
};
