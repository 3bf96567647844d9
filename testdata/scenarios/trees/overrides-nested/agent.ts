import { inner } from 'uses-old-major';
import { version } from 'majors';
export default [inner, version];
