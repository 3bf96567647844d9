import { something } from 'nobody-declared-this';
export default something;
