import { found } from 'optional-missing';
export default found;
