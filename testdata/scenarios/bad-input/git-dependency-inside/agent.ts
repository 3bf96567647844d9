import { value } from 'needs-git';
export default value;
