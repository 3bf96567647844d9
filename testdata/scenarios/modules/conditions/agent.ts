import { picked } from 'conditions';
import one from 'conditions/features/one';
import two from 'conditions/features/deep/two';
export default { picked, one, two };
