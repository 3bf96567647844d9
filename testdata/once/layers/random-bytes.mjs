import { randomBytes } from 'node:crypto';
export const value = randomBytes(16).toString('hex');
