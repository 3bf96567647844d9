// Code from text has the same globals, and no more.
import vm from 'node:vm';
import { Script } from 'node:vm';

const PROBE = `[typeof Deno, typeof __bootstrap, typeof internals, typeof core, typeof primordials, typeof ops].join()`;

export default () => {
  const nothing = 'undefined,undefined,undefined,undefined,undefined,undefined';
  const ways = {
    eval: () => (0, eval)(PROBE),
    function: () => new Function(`return ${PROBE}`)(),
    asyncFunction: () => 'skipped',
    vmThis: () => vm.runInThisContext(PROBE),
    vmNew: () => vm.runInNewContext(PROBE),
    script: () => new Script(PROBE).runInThisContext(),
    constructor: () => [].constructor.constructor(`return ${PROBE}`)(),
    getter: () => Object.getOwnPropertyDescriptor(Object.prototype, '__proto__').get.constructor(`return ${PROBE}`)(),
    processConstructor: () => process.constructor.constructor(`return ${PROBE}`)(),
    fetchConstructor: () => fetch.constructor(`return ${PROBE}`)(),
    consoleConstructor: () => console.log.constructor(`return ${PROBE}`)(),
  };
  const seen = {};
  for (const [name, way] of Object.entries(ways)) {
    try {
      const answer = way();
      seen[name] = answer === nothing || answer === 'skipped' ? 'nothing' : `REACHED ${answer}`;
    } catch (error) {
      seen[name] = `refused: ${error.name}`;
    }
  }
  return seen;
};
