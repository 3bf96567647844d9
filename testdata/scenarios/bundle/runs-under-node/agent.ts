import { createHash } from 'node:crypto';
import describe, { kind } from 'dual';
import callable from 'callable';
import { isEven } from 'circular-esm';
import { seenByOther } from 'circular-cjs';
import own from 'imports-field';
import { inner } from 'uses-old-major';
import { digest } from 'bare-builtins';
enum Colour {
  Red = 'red',
}
const hash = createHash('sha256').update(kind).digest('hex').slice(0, 8);
export default (input: unknown) => ({ kind, text: describe(), called: callable('bundle'), even: isEven(4), seenByOther, own, inner, digest: digest('abc').slice(0, 8), hash, colour: Colour.Red, input });
