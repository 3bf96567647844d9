import { version as old } from 'old-majors';
import { version } from 'majors';
export default [old, version];
