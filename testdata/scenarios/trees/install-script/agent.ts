import { loaded } from 'install-script';
export default loaded;
