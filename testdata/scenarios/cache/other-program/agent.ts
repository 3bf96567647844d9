import { kind } from 'dual';
import { version } from 'majors';
export default [kind, version];
