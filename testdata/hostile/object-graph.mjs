// Walks everything that can be reached from globalThis and every builtin, and names the paths that lead to what a guest
// must not have: Deno itself, its core, ops, internals and bootstrap.
import module from 'node:module';
import vm from 'node:vm';

const FORBIDDEN_KEYS = new Set(['Deno', 'core', '__bootstrap', 'ops', 'internals', '__nodeBootstrapArgs', 'primordials']);
const FORBIDDEN_NAME = /^(op_|__bootstrap|ext_import|loadExtScript$)/;
const MOST_OBJECTS = 400_000;

const descriptors = Object.getOwnPropertyDescriptors;
const keysOf = Reflect.ownKeys;
const prototypeOf = Reflect.getPrototypeOf;

export default async () => {
  const seen = new Set();
  const found = [];
  const queue = [];
  let getters = 0;

  const add = (value, path) => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return;
    seen.add(value);
    queue.push([value, path]);
  };

  const looksLikeCore = (value) => {
    try {
      const own = descriptors(value);
      return 'opNames' in own || 'evalContext' in own || ('ops' in own && 'setMacrotaskCallback' in own) || 'op_print' in own;
    } catch {
      return false;
    }
  };

  const visit = (value, path) => {
    if (found.length >= 100) return;
    if (typeof value === 'function') {
      const name = Object.getOwnPropertyDescriptor(value, 'name')?.value;
      if (typeof name === 'string' && FORBIDDEN_NAME.test(name)) found.push(`${path} (function ${name})`);
    }
    if (looksLikeCore(value)) found.push(`${path} (looks like core)`);
    try {
      add(prototypeOf(value), `${path}.[[Prototype]]`);
    } catch {
      // A proxy that refuses.
    }
    let keys;
    try {
      keys = keysOf(value);
    } catch {
      return;
    }
    for (const key of keys) {
      const name = typeof key === 'symbol' ? `[${String(key)}]` : `.${key}`;
      if (ArrayBuffer.isView(value) && typeof key === 'string' && /^\d+$/.test(key)) continue;
      let descriptor;
      try {
        descriptor = Reflect.getOwnPropertyDescriptor(value, key);
      } catch {
        continue;
      }
      if (!descriptor) continue;
      const here = `${path}${name}`;
      const isForbidden = FORBIDDEN_KEYS.has(key) || (typeof key === 'string' && FORBIDDEN_NAME.test(key));
      if ('value' in descriptor) {
        if (isForbidden && descriptor.value !== undefined && descriptor.value !== null && !isOfNode(here)) found.push(here);
        add(descriptor.value, here);
        continue;
      }
      add(descriptor.get, `${here}<get>`);
      add(descriptor.set, `${here}<set>`);
      if (!descriptor.get) continue;
      getters++;
      try {
        const result = Reflect.apply(descriptor.get, value, []);
        if (isForbidden && result !== undefined && result !== null && !isOfNode(here)) found.push(here);
        if (typeof result?.catch === 'function') result.catch(() => {});
        add(result, here);
      } catch {
        // A getter of a prototype, called on the prototype.
      }
    }
  };

  add(globalThis, 'globalThis');
  for (const name of module.builtinModules) {
    const full = name.startsWith('node:') ? name : `node:${name}`;
    try {
      add(process.getBuiltinModule(full), full);
    } catch {
      // One that is listed and cannot be had.
    }
  }
  for (const name of ['sea', 'sqlite', 'test', 'test/reporters', 'wasi', 'inspector/promises']) {
    try {
      add(process.getBuiltinModule(`node:${name}`), `node:${name}`);
    } catch {
      // Not there.
    }
  }
  add(module.createRequire('file:///hoist/agent.mjs'), 'require');
  try {
    add(vm.runInNewContext('globalThis'), 'a new context');
  } catch {
    // No contexts.
  }
  add((function* () {})().constructor, 'a generator');
  add((async () => {}).constructor, 'AsyncFunction');
  add(async function* () {}.constructor, 'AsyncGeneratorFunction');
  add(new Error('x'), 'an error');
  add(callSites(), 'call sites');
  for (const name of ['fs', 'os', 'internal_binding', 'constants', 'util', 'uv', 'natives', 'async_wrap', 'buffer', 'contextify', 'config', 'process_methods', 'tcp_wrap', 'pipe_wrap', 'spawn_sync']) {
    try {
      add(process.binding(name), `process.binding(${name})`);
    } catch {
      // Refused.
    }
  }

  let visited = 0;
  for (; visited < queue.length && seen.size <= MOST_OBJECTS; visited++) visit(...queue[visited]);
  const visible = ['Deno', '__bootstrap', 'Deno.core'].filter((name) => {
    try {
      return (0, eval)(`typeof ${name}`) !== 'undefined';
    } catch {
      return false;
    }
  });
  return { found, visible, whole: visited === queue.length, manyObjects: seen.size > 5000, manyGetters: getters > 500 };
};

// Words that Node itself uses for something harmless.
function isOfNode(path) {
  return /\.(core|internals|ops)$/.test(path) && /constants|builtinModules/.test(path);
}

// Functions and receivers that are on the stack below the program.
function callSites() {
  const before = Error.prepareStackTrace;
  Error.stackTraceLimit = 100;
  Error.prepareStackTrace = (_error, sites) => sites;
  const sites = new Error('sites').stack;
  Error.prepareStackTrace = before;
  if (!Array.isArray(sites)) return [];
  return sites.map((site) => {
    const reached = {};
    for (const name of ['getThis', 'getFunction', 'getEvalOrigin']) {
      try {
        reached[name] = site[name]();
      } catch {
        // Strict code hides it.
      }
    }
    return reached;
  });
}
