import './acts';
import { next } from 'counter';
export default () => [next(), (globalThis as any).acted];
