import { value } from 'needs-unknown';
export default value;
