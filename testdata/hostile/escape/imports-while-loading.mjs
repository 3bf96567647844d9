// While the platform loads a part of itself, its own imports are allowed. A program's accessors may run in that moment.
import vm from 'node:vm';
import Module, { builtinModules } from 'node:module';
import url from 'node:url';

// What names a CommonJS module may be a program's own.
url.pathToFileURL = (name) => name;

const SPECIFIERS = ['ext:core/mod.js', 'ext:core/ops', 'ext:deno_web/13_message_port.js', 'ext:runtime/bootstrap.js'];
const CLAIMS = ['ext:core/mod.js', 'node:fs', '.', ' \tE\nXT:core/mod.js\0', 'checkin:x'];
const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const compiled = (text, filename) => {
  const script = new vm.Script(text, { filename, importModuleDynamically });
  const module = new Module('/tmp/x.js');
  return [() => script.runInThisContext(), vm.compileFunction(`return ${text}`, [], { filename, importModuleDynamically }), () => (module._compile(`module.exports = ${text}`, filename), module.exports)];
};
const imports = SPECIFIERS.flatMap((specifier) => CLAIMS.flatMap((claim) => compiled(`import(${JSON.stringify(specifier)})`, claim)));
imports.push(...SPECIFIERS.map((specifier) => () => import(specifier)));

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  const found = [];
  let moments = 0;
  let inside = false;
  const moment = () => {
    if (inside) return;
    inside = true;
    moments++;
    if (moments < 50_000) {
      try {
        imports[moments % imports.length]().then((module) => found.push(Reflect.ownKeys(module).slice(0, 5).map(String).join()), () => {});
      } catch {
        // Refused at once.
      }
    }
    inside = false;
  };
  // What modules do at their top level: take names out of objects, make classes, fill tables.
  const replaced = [];
  const replace = (object, key) => {
    const before = Object.getOwnPropertyDescriptor(object, key);
    if (typeof before?.value !== 'function' || !before.configurable) return;
    replaced.push([object, key, before]);
    Object.defineProperty(object, key, { ...before, value: function (...rest) { moment(); return new.target ? Reflect.construct(before.value, rest, new.target) : Reflect.apply(before.value, this, rest); } });
  };
  for (const owner of [Object, Reflect, Symbol, Array, Math, Number, Promise]) for (const key of Reflect.ownKeys(owner)) if (!['prototype', 'length', 'name', 'apply', 'construct', 'defineProperty', 'getOwnPropertyDescriptor'].includes(key)) replace(owner, key);
  for (const owner of [Array, Map, Set, WeakMap, WeakSet, String, RegExp, Function, Promise, Object]) for (const key of Reflect.ownKeys(owner.prototype)) if (!['constructor', 'apply', 'call', 'then', 'catch', 'finally'].includes(key)) replace(owner.prototype, key);
  for (const name of builtinModules) {
    try {
      process.getBuiltinModule(name);
    } catch {
      // Not to be had.
    }
    await import(name.startsWith('node:') ? name : `node:${name}`).catch(() => {});
  }
  for (const [object, key, before] of replaced.reverse()) Object.defineProperty(object, key, before);
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { found, moments: moments > 0 };
};
