// Code from text, made by every constructor that something of the platform leads to, sees what all code sees and no more.
import * as fs from 'node:fs';
import vm from 'node:vm';
import { builtinModules } from 'node:module';

const FORBIDDEN = ['Deno', '__bootstrap', 'bootstrap', 'internals', 'hoistInternals', 'core', 'ops', 'primordials', 'op_print', 'nodeBootstrap', '__nodeBootstrapArgs'];
const PROBE = `return [${FORBIDDEN.map((name) => `typeof ${name} === 'undefined' ? '' : '${name}'`)}].filter(Boolean)
  .concat(${JSON.stringify(FORBIDDEN)}.filter((name) => Reflect.has(globalThis, name)).map((name) => 'globalThis.' + name)).join()`;
const found = [];
const constructors = new Set();

// What ends the run, or waits.
const LEFT_OUT = new Set([process.exit, process.reallyExit, process.abort, process.kill, process._kill, process.execve, process.dlopen, Atomics.wait]);

const tryOut = async (constructor, where) => {
  if (typeof constructor !== 'function' || constructors.has(constructor) || LEFT_OUT.has(constructor)) return;
  constructors.add(constructor);
  for (const make of [() => constructor(PROBE)(), () => new constructor(PROBE)(), () => Reflect.construct(constructor, [PROBE])()]) {
    try {
      let answer = make();
      if (typeof answer?.next === 'function') answer = answer.next();
      answer = await Promise.race([answer, new Promise((resolve) => setImmediate(resolve))]);
      if (typeof answer === 'object') answer = answer?.value;
      if (typeof answer === 'string' && answer !== '') found.push(`${where}: ${answer}`);
    } catch {
      // Not a maker of functions.
    }
  }
};

const errors = () => {
  const works = [
    () => fs.readFileSync('/nowhere'), () => new URL('x'), () => structuredClone(() => {}), () => crypto.getRandomValues(1), () => atob('*'),
    () => new Response('x', { status: 1 }), () => process.chdir('/nowhere'), () => new TextDecoder('x'), () => Buffer.alloc(-1), () => null.x,
    () => new WebAssembly.Module(new Uint8Array(4)), () => JSON.parse('{'), () => new RegExp('('), () => vm.runInNewContext('null.x'), () => vm.runInNewContext('throw {}'),
    () => decodeURIComponent('%'), () => new AbortController().signal.throwIfAborted.call(1), () => Reflect.construct(Event, []), () => new Blob(1), () => BigInt('x'),
  ];
  return works.flatMap((work) => {
    try {
      return [work()];
    } catch (error) {
      return [error];
    }
  });
};

export default async () => {
  process.on('uncaughtException', () => {});
  process.on('unhandledRejection', () => {});
  const starts = [
    [], {}, '', 1, 1n, true, Symbol(), () => {}, async () => {}, function* () {}, async function* () {}, class {}, /x/, new Date(), new Map(), new Error(), new Proxy({}, {}),
    Promise.resolve(), globalThis, process, console, fetch, crypto, performance, navigator, Buffer.from(''), new URL('file:///'), new Response(), new Headers(), new Blob([]),
    new ReadableStream(), new MessageChannel().port1, new AbortController().signal, new Event('x'), fs, vm, WebAssembly, Intl, Atomics, import.meta, await import('node:fs'),
    vm.runInNewContext('this'), vm.runInNewContext('[]'), vm.runInNewContext('(async () => {})'), vm.runInNewContext('(function* () {})'), vm.createContext({}), vm.createContext(vm.constants?.DONT_CONTEXTIFY ?? {}),
    setTimeout(() => {}, 0), setImmediate(() => {}), [][Symbol.iterator](), new Map().entries(), (async function* () {})(), Iterator.from([]), ...errors(),
  ];
  for (const name of builtinModules) {
    try {
      starts.push(process.getBuiltinModule(name));
    } catch {
      // One that is listed and cannot be had.
    }
  }
  const queue = starts.map((start, index) => [start, `start ${index}`]);
  const seen = new Set();
  while (queue.length > 0 && seen.size < 20_000) {
    const [value, where] = queue.shift();
    if (value === null || value === undefined || seen.has(value)) continue;
    seen.add(value);
    for (const key of ['constructor', '__proto__', 'prototype']) {
      try {
        queue.push([value[key], `${where}.${key}`]);
      } catch {
        // A getter that refuses.
      }
    }
    await tryOut(value, where);
    if ((typeof value === 'object' || typeof value === 'function') && where.split('.').length < 3) {
      for (const key of Reflect.ownKeys(value).slice(0, 300)) {
        const descriptor = Reflect.getOwnPropertyDescriptor(value, key);
        for (const inner of [descriptor?.value, descriptor?.get, descriptor?.set]) {
          if (typeof inner === 'function') queue.push([inner, `${where}.${String(key)}`]);
        }
      }
    }
  }
  return { found, many: seen.size > 1000, makers: constructors.size > 200 };
};
