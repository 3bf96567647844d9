import { version as first } from 'npm:majors@^1';
import * as tool from 'npm:@scope/tool@1';
import { tool as again } from 'npm:@scope/tool@1';
import { part } from '@scope/tool@1/sub';
export default { first, again, part, namespace: typeof tool };
