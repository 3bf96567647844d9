import { value } from 'needs-unknown-version';
export default value;
