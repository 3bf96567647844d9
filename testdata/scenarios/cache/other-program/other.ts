import { kind } from 'dual';
export default `other ${kind}`;
