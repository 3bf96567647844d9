// The engine's own doors: flags, natives, snapshots, coverage, profiles, caches of code, the inspector.
import v8 from 'node:v8';
import vm from 'node:vm';
import inspector from 'node:inspector';

const found = [];
const attempt = async (name, work) => {
  try {
    const result = await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 200))]);
    if (result !== undefined && result !== null && result !== false) found.push(`${name}: ${String(typeof result === 'object' ? JSON.stringify(result) : result).slice(0, 150)}`);
  } catch {
    // As it should be.
  }
};

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  for (const flag of ['--allow-natives-syntax', '--expose-gc', '--expose-externalize-string', '--expose-trigger-failure', '--expose-cputracemark', '--expose-statistics', '--no-wasm-bounds-checks', '--memory-corruption-api', '--sandbox-testing', '--logfile=/tmp/log', '--prof', '--trace-gc', '--stack-size=100000', '--max-old-space-size=100000', '--help', '--shared-string-table', '--single-threaded', '--print-bytecode', '--hole-fuzzing']) {
    await attempt(`flag ${flag}`, () => (v8.setFlagsFromString(flag), undefined));
  }
  await attempt('natives', () => (0, eval)('%GetOptimizationStatus(() => {})'));
  await attempt('natives in a new script', () => new vm.Script('%DebugPrint({})').runInThisContext());
  await attempt('natives in a new context', () => vm.runInNewContext('%HeapObjectVerify({})'));
  // `gc` may be there: collecting its own garbage harms nobody.
  for (const name of ['externalizeString', 'isOneByteString', 'triggerAssertFalse', 'cputracemark', 'getV8Statistics', 'Sandbox', 'd8', 'version', 'print', 'read', 'load', 'quit', 'readbuffer', 'Worker_']) {
    await attempt(`global ${name}`, () => typeof globalThis[name] === 'function' && name);
    await attempt(`global ${name} of a context`, () => vm.runInNewContext(`typeof ${name} === 'function' && '${name}'`));
  }
  await attempt('stack size', () => { let depth = 0; const dive = () => { depth++; dive(); }; try { dive(); } catch {} return depth > 1_000_000 && depth; });
  await attempt('heap limit', () => v8.getHeapStatistics().heap_size_limit > 1 << 30 && 'raised');
  await attempt('heap snapshot', () => v8.getHeapSnapshot());
  await attempt('write heap snapshot', () => v8.writeHeapSnapshot('/tmp/snapshot'));
  await attempt('heap snapshot near the limit', () => v8.setHeapSnapshotNearHeapLimit(1) ?? undefined);
  await attempt('coverage', () => v8.takeCoverage());

  await attempt('start-up snapshot', () => v8.startupSnapshot.isBuildingSnapshot() || undefined);
  await attempt('cpu profile', () => v8.startCpuProfile?.()?.stop?.());
  await attempt('heap profile', () => v8.startHeapProfile?.());
  await attempt('inspector.open', () => (inspector.open(0, '127.0.0.1'), inspector.url()));
  await attempt('inspector.waitForDebugger', () => inspector.waitForDebugger());
  await attempt('inspector.console', () => inspector.console && Object.keys(inspector.console).filter((key) => /op_|core/.test(key)).join() || undefined);
  for (const [name, make] of [['Session', () => new inspector.Session()], ['promises', async () => new (await import('node:inspector/promises')).Session()]]) {
    await attempt(`inspector ${name}`, async () => {
      const session = await make();
      session.connect();
      const post = (method, parameters) => new Promise((resolve, reject) => {
        const sent = session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result)));
        sent?.then?.(resolve, reject);
      });
      const reached = [];
      for (const [method, parameters] of [
        ['Runtime.evaluate', { expression: 'typeof Deno', includeCommandLineAPI: true }], ['Runtime.globalLexicalScopeNames', {}], ['Debugger.enable', {}], ['Runtime.enable', {}], ['HeapProfiler.enable', {}],
        ['HeapProfiler.takeHeapSnapshot', {}], ['Profiler.enable', {}], ['Profiler.start', {}], ['Runtime.queryObjects', { prototypeObjectId: '1' }], ['NodeWorker.enable', {}],
      ]) {
        await post(method, parameters).then((result) => reached.push(`${method} ${JSON.stringify(result)}`.slice(0, 60)), () => {});
      }
      return reached.join('; ') || undefined;
    });
  }
  // A forged cache of code is code of the machine's, nearly.
  const script = new vm.Script('1 + 1', { produceCachedData: true });
  const cache = script.cachedData ?? script.createCachedData?.();
  await attempt('forged code cache', () => {
    if (!cache?.length) return undefined;
    for (let index = 24; index < cache.length; index++) {
      const forged = Buffer.from(cache);
      forged[index] ^= 0xff;
      const other = new vm.Script('1 + 1', { cachedData: forged });
      if (other.cachedDataRejected === false) return `taken with byte ${index} changed`;
    }
    return undefined;
  });
  await attempt('code cache', () => cache?.length > 0 && new vm.Script('1 + 1', { cachedData: cache }).cachedDataRejected === false && 'taken');
  // Every tag of the engine's serialisation, with little behind it: objects of the host's and memory of others.
  for (let tag = 0; tag < 256; tag++) {
    for (const rest of [[], [0], [1, 0, 0, 0, 0], [0xff, 0x7f], [4, 1, 2, 3, 4, 0x56, 0x42, 0, 0xff, 0x7f, 0]]) {
      for (const work of [(bytes) => v8.deserialize(bytes), (bytes) => { const reader = new v8.Deserializer(bytes); reader.readHeader(); return reader.readValue(); }]) {
        try {
          const value = work(Buffer.from([0xff, 0x0f, tag, ...rest]));
          const inner = value?.buffer ?? value;
          if (inner?.byteLength > 40_000) found.push(`tag ${tag}: ${inner.byteLength} bytes`);
        } catch {
          // Not a value.
        }
      }
    }
  }
  return found;
};
