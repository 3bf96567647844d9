import { inner } from 'bundles-inner';
import { origin } from 'inner';
export default [inner, origin];
