import { tool } from '@scope/tool';
export default tool;
