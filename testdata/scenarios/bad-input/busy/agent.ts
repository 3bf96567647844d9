import { kind } from 'needs-dual';
export default kind;
