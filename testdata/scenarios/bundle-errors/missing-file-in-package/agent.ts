import { value } from 'missing-file';
export default value;
