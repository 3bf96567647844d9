// Puts the platform's globals in place while the start-up snapshot is made, and leaves a few functions for the process
// that starts from it: `start` removes what guest code must not find, `renew` is for each run, `call` is the entry contract.
// Everything here uses primordials after start-up: guest code may have replaced any prototype's method.

import { core, internals, primordials } from "ext:core/mod.js";
import { op_hoist_log, op_hoist_random_drawn, op_hoist_random_seed } from "ext:core/ops";
import { decode, Encoder } from "ext:runtime/codec.js";

const {
  ArrayIsArray,
  ArrayPrototypeForEach,
  Error,
  FunctionPrototype,
  FunctionPrototypeToString,
  JSONParse,
  JSONStringify,
  MathImul,
  ObjectAssign,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectEntries,
  ObjectFreeze,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectKeys,
  ObjectSetPrototypeOf,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeToLowerCase,
  SymbolFor,
  TypeError,
  Uint32Array,
  Uint8Array,
} = primordials;

// Polyfills put things on this object and look for others when they are first used. With a prototype, guest code's own
// accessors on Object.prototype would be called with it.
ObjectSetPrototypeOf(internals, null);

// While one of the platform's modules is loaded, the engine lets its modules import each other, and knows them by their
// names alone. A program's own functions may run in that moment, so code that a program names (node:vm's `filename`) is
// never called like one of them. URLs are read as the URL standard has it: control characters and spaces do not count.
internals.scriptName = (name) => {
  let scheme = "";
  for (let index = 0; index < name.length && scheme.length < 8 && name[index] !== ":"; index++) {
    if (StringPrototypeCharCodeAt(name, index) > 32) scheme += name[index];
  }
  scheme = StringPrototypeToLowerCase(scheme);
  return scheme === "ext" || scheme === "node" || scheme === "checkin" || scheme === "." ? `vm:${name}` : name;
};

// An op that answers later is called as `op.call(...)`: whoever replaces Function.prototype.call would be handed the op. Each
// gets the function as a property of its own. The ops themselves are seen in the same way, once, without being called.
const { call: callFunction } = FunctionPrototype;
const hidden = [];
FunctionPrototype.call = function () {
  hidden[hidden.length] = this;
  // Whatever is not undefined is taken for the answer.
  return null;
};
const show = (owner) =>
  ArrayPrototypeForEach(ReflectOwnKeys(owner), (name) => {
    const { value } = ReflectGetOwnPropertyDescriptor(owner, name);
    if (typeof value !== "function" || name === "constructor") return;
    if (StringPrototypeIncludes(FunctionPrototypeToString(value), "originalOp.call(")) value();
    else if (typeof value.prototype === "object" && value.prototype !== null) show(value.prototype);
  });
show(core.ops);
FunctionPrototype.call = callFunction;
ArrayPrototypeForEach(hidden, (op) => ObjectDefineProperty(op, "call", { __proto__: null, value: callFunction }));

const load = (specifier) => core.loadExtScript(specifier);
const once = (create) => {
  let value;
  return () => value ??= create();
};

core.setBuildInfo("x86_64-unknown-linux-gnu");

// ---------------------------------------------------------------------------------------------------------------------
// What Deno's polyfills read as the free name `Deno`. The snapshot's transpiler makes it `internals.Deno`, so that no
// path leads to it from guest code: packages sniff for Deno and take other ways when they find it.

const errors = { __proto__: null, BadResource: core.BadResource, Interrupted: core.Interrupted, NotCapable: core.NotCapable };
ArrayPrototypeForEach([
  "NotFound", "PermissionDenied", "ConnectionRefused", "ConnectionReset", "ConnectionAborted", "NotConnected", "AddrInUse",
  "AddrNotAvailable", "BrokenPipe", "AlreadyExists", "InvalidData", "TimedOut", "WriteZero", "WouldBlock",
  "UnexpectedEof", "Http", "Busy", "NotSupported", "FilesystemLoop", "IsADirectory", "NetworkUnreachable",
  "NotADirectory",
], (name) => {
  errors[name] = class extends Error {
    constructor(message, options) {
      super(message, options);
      this.name = name;
    }
  };
  core.registerErrorClass(name, errors[name]);
});

const { DOMException, QuotaExceededError } = load("ext:deno_web/01_dom_exception.js");
ArrayPrototypeForEach(
  ["Operation", "NotSupported", "Network", "Abort", "InvalidCharacter", "Data", "InvalidState", "Syntax", "IndexSize",
    "TypeMismatch", "InvalidAccess"],
  (kind) =>
    core.registerErrorBuilder(`DOMException${kind}Error`, (message) => new DOMException(message, `${kind}Error`)),
);
core.registerErrorBuilder("DOMExceptionQuotaExceededError", (message) => new QuotaExceededError(message));

const host = {
  __proto__: null,
  args: [],
  build: core.build,
  errors,
  exitCode: 0,
  internal: "internals",
  internals,
  mainModule: "file:///hoist/main.js",
  noColor: true,
  pid: 1,
  ppid: 0,
  // Becomes a part of `process.versions`.
  version: { __proto__: null, v8: "15.0.0" },
};
internals.Deno = host;
const lend = (specifier, names) =>
  ArrayPrototypeForEach(names, (name) =>
    ObjectDefineProperty(host, name, { configurable: true, enumerable: true, get: () => load(specifier)[name] }));
lend("ext:deno_fs/30_fs.js", [
  "writeFileSync", "writeFile", "writeTextFileSync", "writeTextFile", "readTextFile", "readTextFileSync", "readFile",
  "readFileSync", "chmodSync", "chmod", "chown", "chownSync", "copyFileSync", "copyFile", "cwd", "makeTempDirSync",
  "makeTempDir", "makeTempFileSync", "makeTempFile", "mkdirSync", "mkdir", "chdir", "readDirSync", "readDir",
  "readLinkSync", "readLink", "realPathSync", "realPath", "removeSync", "remove", "renameSync", "rename", "statSync",
  "lstatSync", "stat", "lstat", "truncateSync", "truncate", "FsFile", "open", "openSync", "create", "createSync", "symlink",
  "symlinkSync", "link", "linkSync", "utime", "utimeSync", "umask",
]);
host.watchFs = () => {
  throw new Error("fs.watch is not available in a run: its files do not change by themselves");
};
lend("ext:deno_os/30_os.js", [
  "env", "exit", "execPath", "loadavg", "osRelease", "osUptime", "hostname", "systemMemoryInfo", "networkInterfaces", "gid",
  "uid",
]);
lend("ext:deno_os/40_signals.js", ["addSignalListener", "removeSignalListener"]);
lend("ext:deno_io/12_io.js", ["SeekMode", "stdin", "stdout", "stderr"]);
lend("ext:deno_net/01_net.js", ["connect", "listen", "resolveDns"]);
lend("ext:deno_net/02_tls.js", ["connectTls", "listenTls", "startTls"]);
lend("ext:deno_process/40_process.js", ["kill", "Command", "ChildProcess", "Process", "run", "spawn"]);
lend("ext:deno_fetch/22_http_client.js", ["HttpClient", "createHttpClient"]);
lend("ext:deno_http/00_serve.ts", ["serve"]);
lend("ext:deno_web/01_console.js", ["inspect"]);
const usage = new primordials.Float64Array(4);
host.cpuUsage = () => {
  core.ops.op_runtime_cpu_usage(usage);
  return { system: usage[0], user: usage[1] };
};
host.memoryUsage = () => {
  core.ops.op_runtime_memory_usage(usage);
  // The process's own figure is read from a file, which a run cannot open.
  return { rss: usage[0] || usage[1] + usage[3], heapTotal: usage[1], heapUsed: usage[2], external: usage[3] };
};

// ---------------------------------------------------------------------------------------------------------------------
// The globals of Node and of the web platform. What is large and not always used is loaded at its first use.

const event = load("ext:deno_web/02_event.js");
// Brands CryptoKey objects for node:crypto; must stand before 00_crypto.js is evaluated.
load("ext:deno_node/internal/crypto/constants.ts");
const crypto = load("ext:deno_crypto/00_crypto.js");
load("ext:deno_node/02_register_cloneable.js");
const url = load("ext:deno_web/00_url.js");
const file = load("ext:deno_web/09_file.js");
const abort = load("ext:deno_web/03_abort_signal.js");
const messagePort = load("ext:deno_web/13_message_port.js");
const performance = load("ext:deno_web/15_performance.js");
const webidl = load("ext:deno_webidl/00_webidl.js");
const { Console, setNoColorFns } = load("ext:deno_web/01_console.js");
setNoColorFns(() => true, () => true);

const lazyScript = (specifier) => once(() => load(specifier));
// What loads, what it is loaded for, and whether few programs want it.
const loaders = [
  [lazyScript("ext:deno_web/06_streams.js"), [
    "ReadableStream", "WritableStream", "TransformStream", "ReadableStreamDefaultReader", "WritableStreamDefaultWriter",
    "WritableStreamDefaultController", "ReadableByteStreamController", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest",
    "ReadableStreamDefaultController", "TransformStreamDefaultController", "ByteLengthQueuingStrategy",
    "CountQueuingStrategy",
  ]],
  [lazyScript("ext:deno_web/08_text_encoding.js"), ["TextEncoder", "TextDecoder", "TextEncoderStream", "TextDecoderStream"]],
  [lazyScript("ext:deno_web/14_compression.js"), ["CompressionStream", "DecompressionStream"]],
  [lazyScript("ext:deno_web/01_urlpattern.js"), ["URLPattern"]],
  [lazyScript("ext:deno_web/01_broadcast_channel.js"), ["BroadcastChannel"], true],
  [lazyScript("ext:deno_web/10_filereader.js"), ["FileReader"], true],
  [lazyScript("ext:deno_fetch/20_headers.js"), ["Headers"]],
  [lazyScript("ext:deno_fetch/21_formdata.js"), ["FormData"]],
  [lazyScript("ext:deno_fetch/23_request.js"), ["Request"]],
  [lazyScript("ext:deno_fetch/23_response.js"), ["Response"]],
  [lazyScript("ext:deno_fetch/27_eventsource.js"), ["EventSource"], true],
  [core.createLazyLoader("ext:deno_websocket/01_websocket.js"), ["WebSocket"], true],
];
const globals = {};
ArrayPrototypeForEach(loaders, ({ 0: loader, 1: names }) =>
  ArrayPrototypeForEach(names, (name) => {
    globals[name] = core.propNonEnumerableLazyLoaded((module) => module[name], loader);
  }));

const lazyFetch = lazyScript("ext:deno_fetch/26_fetch.js");
const lazyBase64 = lazyScript("ext:deno_web/05_base64.js");
const lazyBuffer = core.createLazyLoader("node:buffer");
const lazyTimers = core.createLazyLoader("node:timers");
const lazyProcess = core.createLazyLoader("node:process");
const timerNames = ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "setImmediate", "clearImmediate"];
ArrayPrototypeForEach(timerNames, (name) => {
  globals[name] = core.propWritableLazyLoaded((module) => module[name], lazyTimers);
});

class Navigator {
  get hardwareConcurrency() { return 2; }
  get language() { return "en-US"; }
  get languages() { return ObjectFreeze(["en-US"]); }
  get platform() { return "linux"; }
  get userAgent() { return "Node.js/26"; }
}

const values = {
  AbortController: abort.AbortController,
  AbortSignal: abort.AbortSignal,
  Blob: file.Blob,
  CloseEvent: event.CloseEvent,
  CryptoKey: crypto.CryptoKey,
  Crypto: crypto.Crypto,
  CustomEvent: event.CustomEvent,
  DOMException,
  ErrorEvent: event.ErrorEvent,
  Event: event.Event,
  EventTarget: event.EventTarget,
  File: file.File,
  MessageChannel: messagePort.MessageChannel,
  MessageEvent: event.MessageEvent,
  MessagePort: messagePort.MessagePort,
  Navigator,
  Performance: performance.Performance,
  PerformanceEntry: performance.PerformanceEntry,
  PerformanceMark: performance.PerformanceMark,
  PerformanceMeasure: performance.PerformanceMeasure,
  PerformanceObserver: performance.PerformanceObserver,
  PerformanceObserverEntryList: performance.PerformanceObserverEntryList,
  ProgressEvent: event.ProgressEvent,
  PromiseRejectionEvent: event.PromiseRejectionEvent,
  QuotaExceededError,
  SubtleCrypto: crypto.SubtleCrypto,
  URL: url.URL,
  URLSearchParams: url.URLSearchParams,
  // The interface's name in a wrapper of ours: deno_web gives levels 0 debug, 1 log and info, 2 warn, 3 error.
  console: new Console((message, level) => op_hoist_log(level, message)),
  navigator: new Navigator(),
};
for (const { 0: name, 1: value } of new primordials.SafeArrayIterator(ObjectEntries(values))) {
  globals[name] = core.propNonEnumerable(value);
}
ObjectAssign(globals, {
  Buffer: core.propWritableLazyLoaded((module) => module.Buffer, lazyBuffer),
  atob: core.propWritableLazyLoaded((module) => module.atob, lazyBase64),
  btoa: core.propWritableLazyLoaded((module) => module.btoa, lazyBase64),
  crypto: core.propGetterOnly(() => crypto.crypto),
  fetch: core.propWritable(function fetch(...input) {
    return primordials.ReflectApply(lazyFetch().fetch, this, input);
  }),
  global: core.propWritable(globalThis),
  performance: core.propWritable(performance.performance),
  process: core.propWritableLazyLoaded((module) => module.default, lazyProcess),
  reportError: core.propWritable(event.reportError),
  self: core.propWritable(globalThis),
  structuredClone: core.propWritable(messagePort.structuredClone),
  // What Node's global object calls itself.
  [Symbol.toStringTag]: { __proto__: null, configurable: true, enumerable: false, value: "global", writable: false },
  [webidl.brand]: core.propNonEnumerable(webidl.brand),
});
core.defineGlobalProperties(globalThis, globals);
ObjectSetPrototypeOf(globalThis, event.EventTarget.prototype);
event.setEventTargetData(globalThis);
event.saveGlobalThisReference(globalThis);
delete globalThis.Intl.v8BreakIterator;

core.setReportExceptionCallback(event.reportException);

// Forks of one process would all draw the numbers that V8's own Math.random has ready: this one is seeded by each. It is
// xoshiro128** (Blackman and Vigna, 2018), two draws to a number.
const random = new Uint32Array(4);
let randomIsWatched = false;
const rotateLeft = (value, bits) => (value << bits) | (value >>> (32 - bits));
function drawBits() {
  const second = random[1];
  const drawn = MathImul(rotateLeft(MathImul(second, 5), 7), 9) >>> 0;
  random[2] ^= random[0];
  random[3] ^= second;
  random[1] ^= random[2];
  random[0] ^= random[3];
  random[2] ^= second << 9;
  random[3] = rotateLeft(random[3], 11);
  return drawn;
}
const mathRandom = {
  random() {
    if (randomIsWatched) op_hoist_random_drawn();
    return ((drawBits() >>> 5) * 67108864 + (drawBits() >>> 6)) / 9007199254740992;
  },
};
// For the platform's own scripts that draw (build/transpile.rs): they have kept V8's function.
internals.random = mathRandom.random;
ObjectDefineProperty(globalThis.Math, "random", {
  __proto__: null,
  configurable: true,
  enumerable: false,
  value: mathRandom.random,
  writable: true,
});
// For the platform's own use, which begins with primordials that are older.
internals.random = mathRandom.random;

// node:process and node:module finish their own set-up from these when they are first used.
internals.__nodeBootstrapArgs = {
  __proto__: null,
  usesLocalNodeModulesDir: true,
  runningOnMainThread: true,
  argv0: "node",
  nodeDebug: "",
  denoArgs: host.args,
  denoVersion: host.version,
};

// An unhandled rejection first goes to the program's own listeners, as in browsers and in Node; when they leave it, it
// ends the run.
const dispatchEvent = event.EventTarget.prototype.dispatchEvent;
core.setUnhandledPromiseRejectionHandler((promise, reason) => {
  const rejection = new event.PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason });
  primordials.ReflectApply(dispatchEvent, globalThis, [rejection]);
  if (!rejection.defaultPrevented) internals.nodeProcessUnhandledRejectionCallback?.(rejection);
  return rejection.defaultPrevented;
});
core.setHandledPromiseRejectionHandler((promise, reason) => {
  const handled = new event.PromiseRejectionEvent("rejectionhandled", { promise, reason });
  primordials.ReflectApply(dispatchEvent, globalThis, [handled]);
  internals.nodeProcessRejectionHandledCallback?.(handled);
});

// ---------------------------------------------------------------------------------------------------------------------
// Runs before guest code.

// Loads a file as CommonJS, for an `import` of it.
const lazyModule = core.createLazyLoader("node:module");
const requireFile = (path) => lazyModule().default._load(path, undefined, false);

// Runs what is queued for the next tick, and microtasks.
const drain = core.__drainNextTickAndMacrotasks;

// Once in a process that starts from the snapshot.
internals.start = () => {
  // The isolate keeps it, not the context, so a snapshot does not hold it.
  core.setWasmStreamingCallback((source, id) => lazyFetch().handleWasmStreaming(source, id));
  delete globalThis.__bootstrap;
  delete globalThis.bootstrap;
  delete globalThis.Deno;
  return [call, drain, requireFile, renew, watchRandom, immediates, warm, settle];
};

// In the process of each run: what a fork has copied must not be the same in two of them.
function renew() {
  performance.setTimeOrigin();
  op_hoist_random_seed(random);
  randomIsWatched = false;
}

// While something is evaluated once for many runs.
function watchRandom(isWatched) {
  randomIsWatched = isWatched;
  op_hoist_random_seed(random);
}

const immediates = () => core.getActiveImmediateCount();

// Loads what most programs touch, and puts the globals in place of what would load them: a global that is read through a
// function costs its compilation in each run.
function settle() {
  const names = ["Buffer", "atob", "btoa", "process", ...new primordials.SafeArrayIterator(timerNames)];
  ArrayPrototypeForEach(loaders, ({ 0: loader, 1: list, 2: isRare }) => {
    if (isRare) return;
    loader();
    ArrayPrototypeForEach(list, (name) => names[names.length] = name);
  });
  ArrayPrototypeForEach(names, (name) => {
    const { enumerable } = ObjectGetOwnPropertyDescriptor(globalThis, name);
    const value = globalThis[name];
    ObjectDefineProperty(globalThis, name, { __proto__: null, configurable: true, enumerable, value, writable: true });
  });
}

// Uses the platform as handlers do, so that what it takes is loaded and compiled, and its pages are there, when guest code
// comes. It leaves nothing behind and waits for nothing.
async function warm() {
  const { Response } = load("ext:deno_fetch/23_response.js");
  const handler = {
    __proto__: null,
    async fetch(request) {
      const copy = request.clone();
      const body = await request.json();
      const text = await copy.text();
      const target = new url.URL(request.url);
      const found = target.searchParams.get("a");
      const name = request.headers.get("content-type");
      return Response.json({ body, found, name, path: target.pathname, text }, { headers: { "x-warm": "1" }, status: 201 });
    },
  };
  await call({ __proto__: null, default: handler }, '{"a":[1,"b",{"c":null}],"d":"e"}', 4096);
  await call({ __proto__: null, default: handler }, '{"url":"/x?a=b","method":"POST","body":{"a":1}}', 4096);
  // V8 learns what fields hold, and compiles again when one holds something else: so it is shown what there is.
  const { Request } = load("ext:deno_fetch/23_request.js");
  const { Headers } = load("ext:deno_fetch/20_headers.js");
  const answers = [
    () => Response.json({ a: 1 }),
    () => Response.json([1], { status: 500 }),
    () => Response.json("a", { headers: new Headers({ a: "b" }) }),
    () => new Response("text"),
    () => new Response("text", { status: 404, statusText: "Not Found", headers: [["a", "b"]] }),
    () => new Response(null, { status: 204 }),
    () => new Response(new Uint8Array(3), { headers: { "content-type": "application/octet-stream" } }),
    () => new Response(new url.URLSearchParams("a=b")),
    () => new Response(new Request("http://localhost/a", { method: "PUT", body: "b" }).body),
    async () => new Response((await new Request("http://localhost/", { method: "POST", body: new Uint8Array(2) }).bytes()).join()),
    async () => new Response(await new Request(new url.URL("http://localhost/?a=%20b#c")).text(), { headers: new Headers() }),
  ];
  const inputs = [undefined, "null", "1", '"a"', '{"n":1}', '{"n":1.5,"s":"t","l":[],"o":{}}', '{"url":"/a","headers":{"a":"b"}}'];
  for (let index = 0; index < answers.length; index++) {
    const entry = { __proto__: null, default: { __proto__: null, fetch: answers[index] } };
    await call(entry, inputs[index % inputs.length], 4096);
  }
  for (let index = 0; index < inputs.length; index++) {
    await call({ __proto__: null, default: (input) => input }, inputs[index], 4096);
    await call({ __proto__: null, default: async (input) => ({ input, more: [1, "b", { c: null }] }) }, inputs[index], 4096);
  }
  new abort.AbortController().signal.aborted;
}

// What a call answers with: a kind and what belongs to it. Without a prototype, so that no `then` of guest code's is found
// where a promise is settled with it.
const answer = (...parts) => ObjectSetPrototypeOf(parts, null);

// The entry contract (README, "What a program looks like").
async function call(namespace, inputText, outputBytes, isTagged) {
  let input;
  try {
    if (inputText !== undefined) input = isTagged ? decode(inputText) : JSONParse(inputText);
  } catch (error) {
    return answer("malformed-input", describe(error));
  }
  const encode = isTagged ? encodeTagged : encodeJson;
  const entry = namespace.default;
  if (typeof entry === "function") return encode(await entry(input, context()), outputBytes);
  if (typeof entry === "object" && entry !== null && typeof entry.fetch === "function") {
    return await respond(entry, request(input, inputText), outputBytes);
  }
  return encode(await entry, outputBytes);
}

function context() {
  return { env: {}, waitUntil(_promise) {}, passThroughOnException() {} };
}

function encodeJson(value, _outputBytes) {
  if (value === undefined) return answer("value", "null");
  let text;
  try {
    text = JSONStringify(value);
  } catch (error) {
    return answer("unserializable", describe(error));
  }
  return encoded(text, value);
}

function encodeTagged(value, outputBytes) {
  const encoder = new Encoder(outputBytes);
  let text;
  try {
    text = encoder.encode(value);
  } catch (error) {
    if (error === encoder) return answer("too-large", outputBytes, encoder.measured);
    return answer("unserializable", describe(error));
  }
  return encoded(text, value);
}

function encoded(text, value) {
  if (typeof text !== "string") return answer("unserializable", `a ${typeof value} has no JSON form`);
  return answer("value", text);
}

function describe(error) {
  try {
    return String(error?.message ?? error);
  } catch {
    return "the value cannot be written as JSON";
  }
}

const REQUEST_FIELDS = { __proto__: null, url: true, method: true, headers: true, body: true };

// An input whose fields are a request's is that request; any other input is, as text, the JSON body of a POST.
function request(input, inputText) {
  const { Request } = load("ext:deno_fetch/23_request.js");
  if (input === undefined || input === null) return new Request("http://localhost/");
  let isRequest = typeof input === "object" && !ArrayIsArray(input) && ObjectKeys(input).length > 0;
  if (isRequest) {
    ArrayPrototypeForEach(ObjectKeys(input), (key) => isRequest &&= REQUEST_FIELDS[key] === true);
  }
  const headers = { __proto__: null, "content-type": "application/json" };
  if (!isRequest) return new Request("http://localhost/", { method: "POST", headers, body: inputText });
  const isGivenAsItIs = typeof input.body === "string" || core.isArrayBufferView(input.body) || core.isAnyArrayBuffer(input.body);
  const hasBody = input.body !== undefined && input.body !== null;
  const target = new url.URL(input.url ?? "/", "http://localhost/");
  return new Request(target.href, {
    method: input.method ?? (hasBody ? "POST" : "GET"),
    headers: input.headers ?? (hasBody && !isGivenAsItIs ? headers : {}),
    body: hasBody ? (isGivenAsItIs ? input.body : JSONStringify(input.body)) : undefined,
  });
}

async function respond(entry, request, outputBytes) {
  const answered = await entry.fetch(request, {}, context());
  if (typeof answered !== "object" || answered === null || typeof answered.arrayBuffer !== "function") {
    throw new TypeError("the fetch handler did not return a Response");
  }
  const headers = [];
  answered.headers.forEach((value, name) => {
    headers[headers.length] = [`${name}`, `${value}`];
  });
  const chunks = [];
  let total = 0;
  const reader = answered.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.byteLength;
    if (total > outputBytes) return answer("too-large", outputBytes, total);
    chunks[chunks.length] = value;
  }
  const body = new Uint8Array(total);
  for (let index = 0, at = 0; index < chunks.length; index++) {
    primordials.TypedArrayPrototypeSet(body, chunks[index], at);
    at += chunks[index].byteLength;
  }
  return answer("response", answered.status, JSONStringify(headers), body);
}
