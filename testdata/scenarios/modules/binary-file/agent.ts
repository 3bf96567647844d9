import { loaded } from 'binary-file';
export default loaded;
