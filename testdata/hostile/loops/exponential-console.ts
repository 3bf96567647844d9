// The console shows an object's inside, and this one's has no end.
import { inspect } from 'node:util';

export default () => {
  for (;;) {
    let value: object = { text: 'x' };
    for (let level = 0; level < 200; level++) value = { [`level ${level}`]: value, map: new Map([[value, value]]) };
    console.log(inspect(value, { depth: Infinity, showHidden: true }).length);
  }
};
