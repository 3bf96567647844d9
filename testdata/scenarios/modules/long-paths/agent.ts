import { found as gnu } from 'long-path-gnu';
import { found as pax } from 'long-path-pax';
export default [gnu, pax];
