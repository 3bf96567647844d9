import { count } from 'side-effects';
export default count();
