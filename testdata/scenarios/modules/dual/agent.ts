import describe, { kind } from 'dual';
import { seen } from 'requires-dual';
export default [kind, describe(), seen];
