import * as a from 'counts-a';
import * as b from 'counts-b';
export default [a.next(), b.next(), a.next()];
