// What the platform's own scripts write to or look for on their inner objects, when they are first used, must not run accessors
// that a program has put on Object.prototype: `this` would be the inner object.
import { builtinModules } from 'node:module';

// Every name that the platform's scripts use as a property of core, ops, internals, primordials or Deno.
const names = `
ArrayPrototypeToString BadResourcePrototype CaaRecord ChildProcess Command CommandOutput Conn Console CreateHttpClientOptions
DirEntry FileInfo FsEvent FsFile FsWatcher HttpClient InterruptedPrototype MapIteratorPrototypeNext MapPrototypeSymbolIterator
MxRecord NaptrRecord Process PromisePrototypeCatch QuicEndpoint RecordType RecordWithTtl ResolveDnsOptions SafeArrayIterator
SafeFinalizationRegistry SafeMap SafeMapIterator SafePromiseAll SafePromiseAllSettled SafePromiseAny SafePromisePrototypeFinally
SafePromiseRace SafeRegExp SafeSet SafeSetIterator SafeStringIterator SafeWeakMap SafeWeakRef SafeWeakSet SetIteratorPrototypeNext
SetPrototypeSymbolIterator Signal SoaRecord SrvRecord StringIteratorPrototypeNext StringPrototypeSymbolIterator
TypedArrayPrototypeToString __bootstrapNodeProcess __initCluster __initWorkerThreads __inspectorNetwork __isWorkerThread
__nodeBootstrapArgs __nodeProcessBootstrapped __setupChildProcessIpcChannel __telemetry __telemetryUtil _dispatchedFatalErrors
abortWasmStreaming addSignalListener addTrailers applyBind args build buildCaseInsensitiveCommaValueFinder byteLength cancelRead
cancelTimer chmod chmodSync chown chownSync clearImmediate close closeIdleConnections compileFunction connectQuic connectTls
consoleSize copyFile copyFileSync core cpuUsage createCancelHandle createHttpClient createLazyLoader createSystemInterval
createSystemTimer createTimer createTlsKeyResolver cssToAnsi customInspect cwd decode defineEventHandler deserialize
destructureError dispatchProcessBeforeExitEvent dispatchProcessExitEvent encode encodingVal env errors evalContext
eventLoopHasMoreWork execPath exit exitCode getActiveImmediateCount getAsyncContext getCachedAbortSignal getCloneableDeserializers
getExtraPipeRids getIpcPipeRid getPeerCertificate getPromiseDetails getQuicStreamResourceCount getTransferableResource gid
hasTickScheduled hostObjectBrand hostname immediateQueue indexOf indirectEval inspect inspectArgs internal isAnyArrayBuffer
isArrayBuffer isArrayBufferView isNativeError isPromise isProxy isTerminal isUnloadDispatched js kExtraStdio kKeyObject kRefed
kill link linkSync listen listenTls loadExtScript loadavg log lstat lstatSync mainModule makeSafe memoryUsage mjs mkdir mkdirSync
networkInterfaces noColor nodeProcessRejectionHandledCallback nodeProcessUnhandledRejectionCallback open openSync ops osRelease
parseCss parseCssColor pathFromURL pid ppid primordials print privateConsoleStylize privateCustomInspect processTicksAndRejections
propNonEnumerable queueImmediate queueNextTick read readAll readDir readDirSync readLink readLinkSync readSync readTextFileSync
readableStreamForRid realPath realPathSync refOpPromise refTimer registerCloneableResource registerTransferableResource remove
removeSignalListener removeSync rename renameSync reportUnhandledException resetLegacyAbortWarning resolveDns resolverSymbol
resourceForReadableStream resources runImmediates runNextTicks serialize serve serveHttpOnConnection serveHttpOnListener
serverNameSymbol setAsyncContext setAsyncHooksEmit setEventTargetData setHasTickScheduled setPromiseHooks setQueueMicrotask
shutdown slice stat statSync structuredClone symlink symlinkSync systemMemoryInfo telemetry test tryClose ts uid
uint8ArraySetFromHex uint8ArrayToHex uncurryThis unrefOpPromise unrefTimer upgradeWebSocket utime utimeSync version watchFs
wrapConsole writableStreamForRid write writeAll writeSync writeTextFileSync
`.trim().split(/\s+/);

const inner = ['ops', 'loadExtScript', 'internals', '__bootstrapNodeProcess', 'nodeBootstrap', 'primordials', 'ArrayPrototypeMap', 'start'];
const found = [];
const look = (value, how, name) => {
  try {
    if (typeof value === 'function' && value.name.startsWith('op_')) found.push(`${how} ${name}: ${value.name}`);
    const keys = Reflect.ownKeys(value).filter((key) => typeof key === 'string');
    if (keys.some((key) => key.startsWith('op_') || inner.includes(key))) found.push(`${how} ${name}`);
  } catch {}
};

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  const set = names.filter((name) => !(name in Object.prototype));
  for (const name of set) {
    Object.defineProperty(Object.prototype, name, {
      configurable: true,
      get() {
        look(this, 'get', name);
      },
      set(value) {
        look(this, 'set', name);
        look(value, 'value', name);
        Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
      },
    });
  }
  for (const name of builtinModules) await import(name.startsWith('node:') ? name : `node:${name}`).catch(() => {});
  for (const key of Reflect.ownKeys(globalThis)) {
    for (const use of [() => new globalThis[key](), () => new globalThis[key]('http://x/'), () => globalThis[key]()]) {
      try {
        await use();
      } catch {}
    }
  }
  await new Response('x').text();
  await crypto.subtle.digest('SHA-256', new Uint8Array(1));
  structuredClone({ a: 1 });
  (await import('node:zlib')).gzipSync('x');
  for (const name of set) delete Object.prototype[name];
  return { found };
};
