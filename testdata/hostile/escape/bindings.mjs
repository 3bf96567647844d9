// Node's internal bindings and its module loader's inside.
import fs from 'node:fs';
import Module, { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const BINDINGS = [
  'async_wrap', 'blob', 'block_list', 'buffer', 'builtins', 'cares_wrap', 'config', 'constants', 'contextify', 'credentials', 'crypto', 'encoding_binding', 'errors', 'fs', 'fs_dir', 'fs_event_wrap',
  'heap_utils', 'http_parser', 'http2', 'icu', 'inspector', 'internal_only_v8', 'js_stream', 'js_udp_wrap', 'messaging', 'mksnapshot', 'module_wrap', 'modules', 'mount', 'natives', 'options', 'os', 'performance',
  'permission', 'pipe_wrap', 'process_methods', 'process_wrap', 'profiler', 'quic', 'report', 'sea', 'serdes', 'signal_wrap', 'spawn_sync', 'stream_wrap', 'string_decoder', 'symbols', 'task_queue', 'tcp_wrap', 'timers',
  'tls_wrap', 'trace_events', 'tty_wrap', 'types', 'udp_wrap', 'url', 'util', 'uv', 'v8', 'wasi', 'wasm_web_api', 'watchdog', 'worker', 'zlib', 
];
// What packages may have of these is Node's own; an op, or what holds ops, is not among it.
const inside = (value, depth = 0) => {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function') || depth > 3) return undefined;
  if (typeof value === 'function' && String(value.name).startsWith('op_')) return value;
  if (['ops', 'opNames', 'op_print', 'loadExtScript', 'primordials'].some((name) => Object.hasOwn(value, name))) return value;
  for (const descriptor of Object.values(Object.getOwnPropertyDescriptors(value))) {
    for (const next of [descriptor.value, descriptor.get, descriptor.set]) {
      const reached = next && inside(next, depth + 1);
      if (reached) return reached;
    }
  }
  return undefined;
};
const found = [];
const attempt = (name, work) => {
  try {
    const result = work();
    if (result !== undefined && result !== null && result !== false) found.push(`${name}: ${typeof result} ${Reflect.ownKeys(Object(result)).slice(0, 6).map(String)}`);
  } catch {
    // As it should be.
  }
};

export default () => {
  for (const name of BINDINGS) {
    attempt(`binding ${name}`, () => inside(process.binding(name)));
    attempt(`_linkedBinding ${name}`, () => process._linkedBinding(name));
    attempt(`internalBinding ${name}`, () => (process.internalBinding ?? globalThis.internalBinding)(name));
  }
  attempt('dlopen', () => process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6'));
  for (let descriptor = 0; descriptor < 200; descriptor++) attempt(`dlopen ${descriptor}`, () => process.dlopen({ exports: {} }, `/proc/self/fd/${descriptor}`));
  fs.writeFileSync('/tmp/x.node', Buffer.from('7f454c46', 'hex'));
  attempt('dlopen of /tmp', () => process.dlopen({ exports: {} }, '/tmp/x.node'));
  attempt('require of /tmp', () => require(['', 'tmp', 'x.node'].join('/')));
  attempt('.node', () => Module._extensions['.node']({ exports: {} }, '/tmp/x.node'));
  attempt('.js of a host', () => { const module = { exports: {}, _compile: (text) => (module.text = text), paths: [] }; Module._extensions['.js'](module, '/etc/passwd'); return module.text; });
  attempt('.json of a host', () => { const module = {}; Module._extensions['.json'](module, '/etc/passwd'); return module.exports; });
  attempt('_findPath', () => Module._findPath('passwd', ['/etc']));
  attempt('_findPath of a file', () => Module._findPath('/etc/passwd', null, false));
  attempt('_readPackage', () => Module._readPackage?.('/etc'));
  attempt('findPackageJSON', () => Module.findPackageJSON('/etc/passwd'));
  attempt('findSourceMap', () => Module.findSourceMap('ext:core/mod.js'));
  attempt('_stat', () => Module._stat?.('/etc/passwd') === 0);
  attempt('_debug', () => Module._debug);
  attempt('_initPaths', () => Module._initPaths());
  attempt('globalPaths', () => Module.globalPaths.filter((path) => !path.startsWith('/hoist') && path !== '').join() || undefined);
  attempt('loaded', () => Object.keys(Module._cache).filter((path) => !path.startsWith('/hoist/') && !path.startsWith('/tmp/')).join() || undefined);
  attempt('moduleLoadList', () => process.moduleLoadList?.filter((name) => /internal|ext:/.test(name)).join() || undefined);
  attempt('mainModule', () => process.mainModule?.require?.('internal/util'));
  attempt('parent', () => require.main?.parent);
  for (const name of ['_debugProcess', '_debugEnd', '_startProfilerIdleNotifier', '_tickCallback', '_getActiveRequests', '_getActiveHandles', '_preload_modules', '_eval', '_channel', 'channel', 'send', 'connected', 'getActiveResourcesInfo', 'permission']) {
    attempt(`process.${name}`, () => {
      const value = typeof process[name] === 'function' ? process[name]() : process[name];
      const text = JSON.stringify(value) ?? '';
      return text.length > 2 ? text.slice(0, 200) : undefined;
    });
  }
  return found;
};
