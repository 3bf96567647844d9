import { even } from './even.ts';
export const odd = (n: number): boolean => (n === 0 ? false : even(n - 1));
