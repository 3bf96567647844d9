import { kind } from 'dual';
import { nope } from 'dual';
export default [kind, nope];
