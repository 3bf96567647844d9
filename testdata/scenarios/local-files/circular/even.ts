import { odd } from './odd.ts';
export const even = (n: number): boolean => (n === 0 ? true : odd(n - 1));
