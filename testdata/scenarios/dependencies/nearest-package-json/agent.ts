import { version } from 'majors';
export default version;
