import { inner } from 'bundles-inner';
export default inner;
