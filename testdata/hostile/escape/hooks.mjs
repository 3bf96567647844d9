// Those who are told of what goes on inside: async hooks, channels, observers, module hooks, events of the process.
import asyncHooks from 'node:async_hooks';
import channels from 'node:diagnostics_channel';
import Module from 'node:module';
import { PerformanceObserver } from 'node:perf_hooks';
import fs from 'node:fs';
import http from 'node:http';
import zlib from 'node:zlib';
import net from 'node:net';
import { pbkdf2 } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const found = new Set();
const seen = new Set();
let told = 0;
const look = (value, where, depth = 0) => {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value) || depth > 4 || ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (typeof value === 'function' && /^op_/.test(value.name)) found.add(`${where} (${value.name})`);
  if (['ops', 'opNames', 'op_print', 'loadExtScript', 'primordials', '__nodeBootstrapArgs'].some((name) => Object.hasOwn(value, name))) found.add(where);
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(value, key);
    for (const inner of [descriptor.value, descriptor.get, descriptor.set]) look(inner, `${where}.${String(key)}`, depth + 1);
  }
  look(Object.getPrototypeOf(value), `${where}.__proto__`, depth + 1);
};
const tell = (where) => (...all) => {
  told++;
  all.forEach((value) => look(value, where));
};

export default async () => {
  process.on('uncaughtException', () => {});
  process.on('unhandledRejection', () => {});
  for (const event of ['newListener', 'removeListener', 'internalMessage', 'message', 'warning', 'worker', 'multipleResolves', 'rejectionHandled', 'beforeExit']) process.on(event, tell(`process ${event}`));
  const hook = asyncHooks.createHook({ init: (_id, type, _trigger, resource) => tell(`init ${type}`)(resource), before: () => tell('resource')(asyncHooks.executionAsyncResource()) }).enable();
  for (const name of ['http.client.request.start', 'http.client.response.finish', 'http.client.request.created', 'http.server.request.start', 'net.client.socket', 'net.server.socket', 'undici:request:create', 'child_process', 'worker_threads', 'process', 'console.log', 'module.import', 'module.require', 'tracing:module.require:start', 'tracing:module.import:start', 'tracing:undici:fetch:start', 'dns', 'udp.socket', 'tracing:child_process.spawn:start']) channels.subscribe(name, tell(`channel ${name}`));
  new PerformanceObserver((list) => tell('observer')(list.getEntries())).observe({ entryTypes: PerformanceObserver.supportedEntryTypes });
  const hooks = Module.registerHooks?.({
    resolve: (specifier, context, next) => (tell('resolve hook')(context, next), next(specifier, context)),
    load: (url, context, next) => { const loaded = next(url, context); tell('load hook')(context, loaded); return loaded; },
  });
  const attempt = async (work) => {
    try {
      await Promise.race([work(), sleep(20)]);
    } catch {
      // Told.
    }
  };
  await attempt(() => fs.promises.readFile('/nowhere'));
  await attempt(() => new Promise((resolve) => fs.stat('/tmp', resolve)));
  await attempt(() => new Promise((resolve) => zlib.gzip('x', resolve)));
  await attempt(() => new Promise((resolve) => pbkdf2('x', 'y', 1, 8, 'sha1', resolve)));
  await attempt(() => http.get('http://127.0.0.1:1/').on('error', () => {}));
  await attempt(() => net.connect(1, '127.0.0.1').on('error', () => {}));
  await attempt(() => http.createServer().on('error', () => {}).listen(0));
  await attempt(() => fetch('http://127.0.0.1:1/'));
  await attempt(() => import('node:tls'));
  await attempt(() => Module.createRequire('file:///hoist/x.js')('node:dgram'));
  await attempt(() => import(['', 'nowhere.mjs'].join('/')));
  await attempt(() => new Promise((resolve) => { setTimeout(resolve, 1); setImmediate(() => {}); process.nextTick(() => {}); }));
  await attempt(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => port1.close(); port2.postMessage({}); });
  process.emitWarning('x');
  performance.mark('x');
  await sleep(20);
  hook.disable();
  hooks?.deregister();
  return { found: [...found].sort(), told: told > 20 };
};
