import { text } from './link.ts';
export default text;
