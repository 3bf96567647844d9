import { generateKeyPairSync } from 'node:crypto';
export const value = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
