import { tool } from '@scope/tool';
import { part } from '@scope/tool/sub';
export default [tool, part];
