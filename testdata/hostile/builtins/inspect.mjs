import { inspect } from 'node:util';

export default () => {
  const value = Array.from({ length: 20_000 }, (_, index) => ({ index, inner: { text: `text ${index}`, map: new Map([[index, index]]) } }));
  for (;;) inspect(value, { depth: Infinity, maxArrayLength: Infinity, breakLength: 80 });
};
