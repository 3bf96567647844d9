import { next } from 'counter'; import 'throws/package.json'; export default () => [next(), next()];
