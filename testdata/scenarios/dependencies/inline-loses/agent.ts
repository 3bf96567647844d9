import { version } from 'npm:majors@^2';
export default version;
