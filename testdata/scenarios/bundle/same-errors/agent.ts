import { nope } from 'dual';
export default nope;
