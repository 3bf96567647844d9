import { version as one } from 'npm:majors@^1';
import { version as two } from 'npm:majors@^2';
export default [one, two];
