import callable, { helper } from 'callable';
import * as namespace from 'callable';
export default [callable('import'), helper(), namespace.default('namespace'), typeof namespace.helper];
