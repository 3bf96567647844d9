import { version } from 'tagged';
export default version;
