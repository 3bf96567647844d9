// Every method of the engine's own objects is replaced: what the platform calls shows itself, with its receiver and arguments,
// while it is used. None may be an op, or hold ops.
import { builtinModules } from 'node:module';

const apply = Reflect.apply;
const construct = Reflect.construct;
const ownKeys = Reflect.ownKeys;
const describe = Reflect.getOwnPropertyDescriptor;
const define = Reflect.defineProperty;
const FORBIDDEN = ['ops', 'opNames', 'op_print', 'loadExtScript', 'evalContext', '__nodeBootstrapArgs', 'ArrayPrototypeMap'];

const found = new Map();
let calls = 0;
let inside = false;
const isForbidden = (value) => {
  if (typeof value === 'function') {
    const name = describe(value, 'name')?.value;
    return typeof name === 'string' && name[0] === 'o' && name[1] === 'p' && name[2] === '_';
  }
  if (typeof value !== 'object' || value === null) return false;
  for (let index = 0; index < FORBIDDEN.length; index++) if (describe(value, FORBIDDEN[index])) return true;
  return false;
};
const look = (value, where) => {
  let forbidden = isForbidden(value);
  if (!forbidden && typeof value === 'object' && value !== null) {
    const keys = ownKeys(value);
    for (let index = 0; index < keys.length && index < 20 && !forbidden; index++) forbidden = isForbidden(describe(value, keys[index])?.value);
  }
  if (forbidden) apply(set, found, [typeof value === 'function' ? where + ' ' + describe(value, 'name').value : where, true]);
};
const set = Map.prototype.set;

const replaced = [];
const replace = (owner, key, name) => {
  const before = describe(owner, key);
  if (typeof before?.value !== 'function' || !before.configurable) return;
  const work = before.value;
  const watching = function (...rest) {
    if (!inside) {
      inside = true;
      calls++;
      try {
        look(this, `${name} on`);
        for (let index = 0; index < rest.length; index++) look(rest[index], `${name} with`);
      } catch {
        // A proxy of somebody's.
      }
      inside = false;
    }
    return new.target ? construct(work, rest, new.target) : apply(work, this, rest);
  };
  define(watching, 'name', { value: work.name });
  define(watching, 'prototype', { value: work.prototype });
  if (define(owner, key, { value: watching, writable: true, enumerable: before.enumerable, configurable: true })) replaced[replaced.length] = [owner, key, before];
};

const use = async () => {
  const attempt = async (work) => {
    try {
      await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 20))]);
    } catch {
      // It was used.
    }
  };
  for (const name of builtinModules) await attempt(() => import(name.startsWith('node:') ? name : `node:${name}`));
  const [fs, zlib, crypto_, stream, util, events, http, vm, url, os, buffer, timers] = await Promise.all(
    ['fs', 'zlib', 'crypto', 'stream', 'util', 'events', 'http', 'vm', 'url', 'os', 'buffer', 'timers/promises'].map((name) => import(`node:${name}`)));
  await attempt(() => new Response('x').text());
  await attempt(() => new Request('http://x/', { method: 'POST', body: new FormData(), headers: [['a', 'b']] }).formData());
  await attempt(() => fetch('http://127.0.0.1:1/'));
  await attempt(() => new Blob(['x']).stream().pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip')).getReader().read());
  await attempt(() => crypto.subtle.digest('SHA-256', new Uint8Array(1)));
  await attempt(() => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']));
  await attempt(() => structuredClone(new Map([[1, new Set([new Error('x')])]])));
  await attempt(() => { const { port1, port2 } = new MessageChannel(); port2.onmessage = () => {}; port1.postMessage({ port: new MessageChannel().port1 }); });
  await attempt(() => { const target = new EventTarget(); target.addEventListener('x', () => {}); target.dispatchEvent(new CustomEvent('x')); });
  await attempt(() => new URL('http://a/b?c=d#e').searchParams.get('c'));
  await attempt(() => new URLPattern({ pathname: '/:a' }).exec('http://x/y'));
  await attempt(() => new TextDecoder().decode(new TextEncoder().encode('x')));
  await attempt(() => console.table([{ a: 1 }]));
  await attempt(() => AbortSignal.any([AbortSignal.timeout(1)]));
  await attempt(() => performance.measure('x'));
  await attempt(() => new BroadcastChannel('x').postMessage(1));
  await attempt(() => new ReadableStream({ type: 'bytes', pull: (controller) => controller.close() }).tee());
  await attempt(() => fs.promises.writeFile('/tmp/x', 'x').then(() => fs.promises.readdir('/tmp', { withFileTypes: true, recursive: true })));
  await attempt(() => fs.readFileSync('/nowhere'));
  await attempt(() => util.promisify(zlib.gzip)('x'));
  await attempt(() => util.promisify(crypto_.scrypt)('x', 'y', 8));
  await attempt(() => crypto_.createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)).update('x'));
  await attempt(() => crypto_.sign('sha256', Buffer.from('x'), crypto_.generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey));
  await attempt(() => stream.Readable.from(['x']).pipe(new stream.PassThrough()).toArray());
  await attempt(() => new events.EventEmitter().on('x', () => {}).emit('x'));
  await attempt(() => http.createServer().listen(0));
  await attempt(() => vm.runInNewContext('1', { x: 1 }));
  await attempt(() => url.parse('http://x/?y'));
  await attempt(() => os.cpus());
  await attempt(() => buffer.Buffer.from('x').toString('base64url'));
  await attempt(() => timers.setTimeout(1));
  await attempt(() => util.inspect(process, { depth: 3, getters: true, showHidden: true }));
  await attempt(() => process.emitWarning('x'));
  await attempt(() => new Promise((resolve) => process.nextTick(resolve)));
};

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  // What this file itself needs, and what an engine's own machinery is called through.
  const owners = { Object, Reflect, Array, Function, Promise, Map, Set, WeakMap, WeakSet, String, RegExp, Symbol, Number, JSON, Math, Date, Error, ArrayBuffer, DataView, Uint8Array, BigInt, Atomics, Proxy, WeakRef };
  for (const [name, owner] of Object.entries(owners)) {
    for (const key of ownKeys(owner)) if (key !== 'prototype') replace(owner, key, `${name}.${String(key)}`);
    if (owner.prototype) for (const key of ownKeys(owner.prototype)) if (key !== 'constructor') replace(owner.prototype, key, `${name}.prototype.${String(key)}`);
  }
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  for (const key of ownKeys(typed)) if (key !== 'constructor') replace(typed, key, `TypedArray.prototype.${String(key)}`);
  // Indices that an inner array lacks are looked up here.
  for (let index = 0; index < 4; index++) {
    define(Array.prototype, index, { configurable: true, get() { if (!inside) { inside = true; look(this, `get ${index}`); inside = false; } return undefined; }, set(value) { look(this, `set ${index}`); look(value, `value ${index}`); define(this, index, { value, writable: true, enumerable: true, configurable: true }); } });
  }
  try {
    await use();
  } finally {
    inside = true;
    for (let index = replaced.length - 1; index >= 0; index--) define(replaced[index][0], replaced[index][1], replaced[index][2]);
    for (let index = 0; index < 4; index++) delete Array.prototype[index];
  }
  return { found: [...found.keys()].sort(), calls: calls > 1000 };
};
