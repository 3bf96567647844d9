// What a prepared stack tells of the functions below and above a guest's: no receiver, no function, no file of the host's.
import fs from 'node:fs';
import zlib from 'node:zlib';
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import vm from 'node:vm';

const found = new Set();
let stacks = 0;

const look = (site) => {
  for (const name of ['getThis', 'getFunction']) {
    const value = site[name]();
    if (value === undefined || value === globalThis || value === null) continue;
    const file = site.getFileName() ?? '';
    // A guest's own sloppy functions may be seen.
    if (file.startsWith('file:///hoist/')) continue;
    found.add(`${name} of ${site.getFunctionName()} in ${file}`);
  }
  for (const name of ['getFileName', 'getScriptNameOrSourceURL', 'getEvalOrigin', 'toString', 'getTypeName', 'getMethodName']) {
    let text = '';
    try {
      text = String(site[name]?.() ?? '');
    } catch {
      continue;
    }
    if (/\.cargo|\/rustc|\/root\/|\/home\/|\/usr\/|\/build\/|\.rs:/.test(text)) found.add(`${name}: ${text}`);
  }
};

const takeStack = () => {
  const sites = new Error('stack').stack;
  stacks++;
  if (Array.isArray(sites)) sites.forEach(look);
  return '';
};

// Objects whose every use by the platform is seen from inside.
const trap = () => new Proxy(function () {}, {
  get: (_target, key) => (takeStack(), key === Symbol.toPrimitive ? () => (takeStack(), '') : key === 'then' ? undefined : trap()),
  apply: () => takeStack(), construct: () => (takeStack(), {}), has: () => (takeStack(), true), ownKeys: () => (takeStack(), []),
  getOwnPropertyDescriptor: () => (takeStack(), undefined), getPrototypeOf: () => (takeStack(), null), set: () => (takeStack(), true), defineProperty: () => (takeStack(), true),
});

export default async () => {
  process.on('uncaughtException', () => {});
  process.on('unhandledRejection', () => {});
  Error.stackTraceLimit = 200;
  Error.prepareStackTrace = (_error, sites) => (sites.forEach(look), sites);
  const attempt = async (work) => {
    try {
      await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 20))]);
    } catch (error) {
      void error?.stack;
    }
  };
  for (const key of Reflect.ownKeys(globalThis)) {
    const value = globalThis[key];
    if (typeof value !== 'function' || key === 'close' || key === 'eval') continue;
    await attempt(() => value(trap(), trap(), trap()));
    await attempt(() => new value(trap(), trap()));
    await attempt(() => new value({ start: takeStack, pull: takeStack, transform: takeStack, get signal() { return takeStack(), undefined; } }));
  }
  for (const module of [fs, zlib, vm, process, console, crypto, crypto.subtle, performance, navigator, await import('node:util'), await import('node:url'), await import('node:crypto'), await import('node:http'), await import('node:net'), await import('node:dns')]) {
    for (const key of Reflect.ownKeys(module)) {
      const work = module[key];
      if (typeof work !== 'function' || ['exit', 'abort', 'reallyExit', 'kill', '_kill', 'execve', 'dlopen', 'exitCode'].includes(key)) continue;
      await attempt(() => work.call(module, trap(), trap(), takeStack));
    }
  }
  setTimeout(takeStack, 0);
  setImmediate(takeStack);
  process.nextTick(takeStack);
  queueMicrotask(takeStack);
  new EventEmitter().on('x', takeStack).emit('x');
  const target = new EventTarget();
  target.addEventListener('x', takeStack);
  target.dispatchEvent(new Event('x'));
  Readable.from(['x']).on('data', takeStack);
  zlib.gzip('x', takeStack);
  fs.stat('/tmp', takeStack);
  [3, 1].sort(takeStack);
  'x'.replace(/x/, takeStack);
  JSON.stringify({ toJSON: takeStack });
  structuredClone({ get x() { return takeStack(); } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const collected = [...found].sort();
  Error.prepareStackTrace = undefined;
  return { found: collected, stacks: stacks > 500 };
};
