import { nope } from './other.ts';
export default nope;
