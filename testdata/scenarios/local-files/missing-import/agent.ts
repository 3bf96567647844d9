const before = 1;
import { gone } from './gone.ts';
export default gone + before;
