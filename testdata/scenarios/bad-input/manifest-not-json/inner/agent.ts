import { kind } from 'dual';
export default kind;
