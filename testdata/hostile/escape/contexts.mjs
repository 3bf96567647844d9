// New contexts and the things that pass between them: out to the program is allowed, further is not.
import vm from 'node:vm';
import { createRequire } from 'node:module';

const NAMES = ['Deno', '__bootstrap', 'bootstrap', 'internals', 'core', 'ops', 'primordials', 'op_print', 'process', 'require', 'module', 'Buffer', 'fetch', 'console_', 'setTimeout'];
const OF_THE_PROGRAM = new Set(['process', 'Buffer', 'fetch', 'setTimeout', 'require', 'module']);
const PROBE = `(() => { const seen = []; for (const name of ${JSON.stringify(NAMES)}) { try { if ((0, eval)('typeof ' + name) !== 'undefined') seen.push(name); } catch {} } return seen.join(); })()`;
const found = [];
const attempt = async (name, work, allowed = []) => {
  try {
    const seen = String(await work()).split(',').filter((one) => one !== '' && !allowed.includes(one));
    if (seen.length > 0) found.push(`${name}: ${seen}`);
  } catch {
    // Refused.
  }
};
const program = [...OF_THE_PROGRAM];

export default async () => {
  const context = vm.createContext({});
  const bare = vm.createContext(vm.constants.DONT_CONTEXTIFY);
  await attempt('a context', () => vm.runInContext(PROBE, context));
  await attempt('a bare context', () => vm.runInContext(PROBE, bare));
  await attempt('a new context', () => vm.runInNewContext(PROBE));
  await attempt('this context', () => vm.runInThisContext(PROBE), program);
  await attempt('a function in a context', () => vm.compileFunction(`return ${PROBE}`, [], { parsingContext: context })(), program);
  await attempt('the context of another', () => vm.runInContext(`this.constructor.constructor(${JSON.stringify(`return ${PROBE}`)})()`, context), program);
  await attempt('a realm of its own', () => vm.runInContext(`[].constructor.constructor(${JSON.stringify(`return ${PROBE}`)})()`, context));
  await attempt('through an argument', () => vm.runInContext(`(give) => give.constructor.constructor(${JSON.stringify(`return ${PROBE}`)})()`, context)(() => {}), program);
  await attempt('through an error of the platform', () => vm.runInContext(`(work) => { try { work(); } catch (error) { return error.constructor.constructor(${JSON.stringify(`return ${PROBE}`)})(); } }`, context)(() => new URL('x')), program);
  await attempt('through a promise', () => vm.runInContext(`(async (promise) => { try { await promise; } catch (error) { return error.constructor.constructor(${JSON.stringify(`return ${PROBE}`)})(); } })`, context)(crypto.subtle.digest('x', new Uint8Array())), program);
  await attempt('through an import', () => vm.runInContext(`import('node:fs').then((fs) => fs.readFileSync.constructor(${JSON.stringify(`return ${PROBE}`)})())`, context, { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }), program);
  await attempt('an overflow', () => vm.runInContext(`(() => { let inner; const dive = () => { try { dive(); } catch (error) { inner ??= error; throw error; } }; try { dive(); } catch {} return inner.constructor.constructor(${JSON.stringify(`return ${PROBE}`)})(); })()`, context));
  await attempt('a prepared stack', () => vm.runInContext(`(() => { let sites; Error.prepareStackTrace = (_error, all) => (sites = all, ''); new Error('x').stack; const names = []; for (const site of sites ?? []) { const value = site.getThis?.() ?? site.getFunction?.(); if (value && value !== globalThis) names.push(String(value.constructor?.name)); } return names.join(); })()`, context));
  await attempt('an error of a context', () => { try { vm.runInContext('null.x', context); } catch (error) { return error.constructor.constructor(`return ${PROBE}`)(); } });
  await attempt('own names', () => vm.runInContext(`Reflect.ownKeys(globalThis).map(String).filter((name) => /deno|bootstrap|hoist|core|ops$|internal/i.test(name)).join()`, context));
  await attempt('hidden names of a bare context', () => Reflect.ownKeys(bare).map(String).filter((name) => /deno|bootstrap|hoist|core|ops$|internal/i.test(name)).join());
  await attempt('a module', async () => {
    const module = new vm.SourceTextModule(`export default ${PROBE}`, { context });
    await module.link(() => {});
    await module.evaluate();
    return module.namespace.default;
  });
  await attempt('a watched context', () => {
    const names = [];
    const watched = vm.createContext(new Proxy({}, {
      get: (_target, key, receiver) => { for (const value of [receiver, receiver?.constructor]) if (value && (Object.hasOwn(value, 'ops') || Object.hasOwn(value, '__bootstrap'))) names.push(String(key)); return undefined; },
      has: (_target, key) => { if (/^(Deno|__bootstrap|internals)$/.test(String(key))) names.push(String(key)); return false; },
    }));
    vm.runInContext('x = 1; var y = 2; typeof z; Object.keys(this)', watched);
    return names.join();
  });
  await attempt('memory', () => Object.keys(createRequire(import.meta.url)('node:vm').measureMemory?.() ?? {}).join());
  return found;
};
