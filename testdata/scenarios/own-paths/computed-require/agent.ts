import { createRequire } from 'node:module';
import asks from 'asks-speaks';
import speaks from 'speaks';
const require = createRequire(import.meta.url);
const load = (name: string) => require(name);
export default () => [
  speaks.say('fr'), speaks.say('en'), load('speaks/language/de.js'), speaks.languages(),
  asks.same(speaks), load('speaks') === speaks, speaks.made(), asks.fresh(), speaks.made(),
];
