import { value } from 'syntax-error';
export default value;
