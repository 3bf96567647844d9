import { randomInt } from 'node:crypto';
export const value = randomInt(2 ** 48 - 1);
