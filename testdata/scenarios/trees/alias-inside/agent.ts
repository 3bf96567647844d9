import { old, now } from 'uses-alias';
export default [old, now];
