import two from 'npm:conditions@^1/features/deep/two';
import one from 'conditions@1/features/one';
export default [one, two];
