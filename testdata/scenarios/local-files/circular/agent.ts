import { even } from './even.ts';
export default [even(10), even(7)];
