import { version } from 'majors';
import { kind } from 'dual';
export default [version, kind];
