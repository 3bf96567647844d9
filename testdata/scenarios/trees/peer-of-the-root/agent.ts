import { sees, identity } from 'framework-plugin';
import * as framework from 'framework';
export default [sees, identity === framework.identity];
