import { NIL, parse, stringify, v3, v4, v5, v7, validate, version } from 'npm:uuid@11.0.5';

export default () => ({
  v3: v3('hello', v3.DNS),
  v5: v5('https://example.com/', v5.URL),
  versions: [version(v4()), version(v7()), version(NIL)],
  back: stringify(parse('6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b')),
  different: v4() !== v4(),
  valid: [validate('not one'), validate(v4())],
});
