// Whatever `import()`, `require` and what comes to the same could be talked into, by the program and by code that claims to be
// somebody else's.
import Module, { createRequire } from 'node:module';
import fs from 'node:fs';
import vm from 'node:vm';

const require = createRequire(import.meta.url);
const SPECIFIERS = [
  'ext:core/mod.js', 'ext:core/ops', 'ext:core/00_primordials.js', 'ext:runtime/bootstrap.js', 'ext:runtime/98_global_scope_shared.js', 'ext:deno_node/internal/errors.ts',
  'ext:deno_fs/30_fs.js', 'ext:core/00_infra.js', 'ext:deno_node/_http_agent.mjs', 'node:_http_agent.mjs', 'ext:deno_web/13_message_port.js', 'checkin:errors', 'internal/bootstrap/realm', 'internal/util', 'internal/errors', 'internal/test/binding',
  'internal/fs/utils', 'internal/child_process', 'internal/crypto/keys', 'internal/net', 'internal/options', 'node:internal/util', 'node:internal/test/binding',
  'node:_http_common/../internal/util', 'node:../core/mod.js', 'node:ext:core/mod.js', 'node:sqlite', 'node:sea', 'node:deno', 'deno:core', 'hoist:core', 'npm:dual', 'jsr:@std/fs', 'bun:ffi',
  'file:///etc/passwd', '/etc/passwd', '../../../../etc/passwd', 'file:///proc/self/environ', 'file:///proc/self/fd/0', 'file://localhost/etc/passwd', '//etc/passwd',
  'data:text/javascript,export default globalThis.Deno', 'data:application/json,1', 'blob:null/1', 'http://127.0.0.1/x.js', 'https://localhost/x.js', 'ws://x', '', '.', '#x', '\0',
];
const TYPES = [undefined, 'json', 'text', 'bytes', 'css', 'wasm', 'commonjs', 'commonjs-exports', 'ext'];
const CLAIMS = ['ext:core/mod.js', 'ext:runtime/bootstrap.js', 'node:fs', 'file:///etc/x.js', 'file:///hoist/layer.js', '.', ''];
const DEFAULT = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

const claims = {
  Script: (text, filename) => new vm.Script(text, { filename }).runInThisContext(),
  'Script that imports': (text, filename) => new vm.Script(text, { filename, importModuleDynamically: DEFAULT }).runInThisContext(),
  'a new context': (text, filename) => vm.runInNewContext(text, {}, { filename, importModuleDynamically: DEFAULT }),
  compileFunction: (text, filename) => vm.compileFunction(`return ${text}`, [], { filename, importModuleDynamically: DEFAULT })(),
  sourceURL: (text, filename) => (0, eval)(`${text}\n//# sourceURL=${filename}`),
  Function: (text, filename) => new Function(`return ${text}\n//# sourceURL=${filename}`)(),
  _compile(text, filename) {
    const module = new Module(filename);
    module.filename = filename;
    module._compile(`module.exports = ${text}`, filename);
    return module.exports;
  },
  async SourceTextModule(text, identifier) {
    const module = new vm.SourceTextModule(`export default await ${text}`, { identifier });
    await module.link(() => {});
    await module.evaluate();
    return module.namespace.default;
  },
};

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  const found = [];
  let tried = 0;
  const attempt = async (how, specifier, work) => {
    tried++;
    try {
      const result = await work();
      if (result !== undefined) found.push(`${how} ${specifier}: ${Reflect.ownKeys(Object(result)).slice(0, 5).map(String)}`);
    } catch {
      // As it should be.
    }
  };
  for (const specifier of SPECIFIERS) {
    for (const type of TYPES) await attempt(`import as ${type}`, specifier, () => import(specifier, type && { with: { type } }));
    await attempt('require', specifier, () => require(specifier));
    await attempt('getBuiltinModule', specifier, () => process.getBuiltinModule(specifier));
    await attempt('_load', specifier, () => Module._load(specifier, null, true));
    const file = `/tmp/${tried}.mjs`;
    fs.writeFileSync(file, `import * as all from ${JSON.stringify(specifier)}; export default all;`);
    await attempt('import of a file', specifier, () => import(file));
    fs.writeFileSync(file.replace('mjs', 'cjs'), `module.exports = require(${JSON.stringify(specifier)});`);
    await attempt('require of a file', specifier, () => require(file.replace('mjs', 'cjs')));
    await attempt('runMain', specifier, () => ((process.argv[1] = specifier), Module.runMain()));
    for (const claim of CLAIMS) {
      await attempt(`createRequire of ${claim}`, specifier, () => createRequire(claim)(specifier));
      for (const [how, work] of Object.entries(claims)) {
        await attempt(`${how} as ${claim}`, specifier, () => work(`import(${JSON.stringify(specifier)})`, claim));
        await attempt(`${how} as ${claim} by require`, specifier, () => work(`require(${JSON.stringify(specifier)})`, claim));
      }
    }
  }
  return { found, tried: tried > 3000, meta: Object.keys(import.meta).sort() };
};
