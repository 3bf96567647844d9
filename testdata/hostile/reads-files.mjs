// Every way to a file of the host's. Each attempt must end in an error or in nothing.
import fs from 'node:fs';
import { readFile, open, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import url from 'node:url';

// Some ways fail when nobody listens any more.
process.on('uncaughtException', () => {});

const attempts = {};
const attempt = async (name, work) => {
  try {
    const result = await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 500, undefined))]);
    attempts[name] = result === undefined || result === false ? 'nothing' : `REACHED ${String(result).slice(0, 200)}`;
  } catch (error) {
    attempts[name] = `refused: ${error?.name ?? error}`;
  }
};

export default async ({ canary, folder }) => {
  for (const path of ['/etc/passwd', canary, `/proc/self/root${canary}`, '/proc/self/environ', '/proc/1/environ', '/proc/self/maps', '/proc/self/cmdline', '/dev/urandom']) {
    await attempt(`readFileSync ${path}`, () => fs.readFileSync(path, 'utf8').slice(0, 100));
    await attempt(`readFile ${path}`, () => new Promise((resolve, reject) => fs.readFile(path, 'utf8', (error, text) => (error ? reject(error) : resolve(text)))));
    await attempt(`promises.readFile ${path}`, () => readFile(path, 'utf8'));
    await attempt(`promises.open ${path}`, async () => (await open(path)).readFile('utf8'));
    await attempt(`openSync ${path}`, () => `descriptor ${fs.openSync(path)}`);
    await attempt(`createReadStream ${path}`, () => new Promise((resolve, reject) => fs.createReadStream(path).on('data', resolve).on('error', reject)));
    await attempt(`statSync ${path}`, () => JSON.stringify(fs.statSync(path)));
    await attempt(`existsSync ${path}`, () => fs.existsSync(path));
    await attempt(`accessSync ${path}`, () => (fs.accessSync(path), 'accessible'));
    await attempt(`realpathSync.native ${path}`, () => fs.realpathSync.native(path));
    await attempt(`copyFileSync ${path}`, () => (fs.copyFileSync(path, '/tmp/copy'), fs.readFileSync('/tmp/copy', 'utf8')));
    await attempt(`linkSync ${path}`, () => (fs.linkSync(path, '/tmp/link'), fs.readFileSync('/tmp/link', 'utf8')));
    await attempt(`symlinkSync ${path}`, () => (fs.symlinkSync(path, '/tmp/symlink'), fs.readFileSync('/tmp/symlink', 'utf8')));
    await attempt(`openAsBlob ${path}`, async () => (await fs.openAsBlob(path)).text());
    await attempt(`require ${path}`, () => JSON.stringify(createRequire('file:///hoist/agent.mjs')(path)));
    await attempt(`require.resolve ${path}`, () => createRequire('file:///')(`./${path}`));
    await attempt(`import ${path}`, async () => JSON.stringify(await import(url.pathToFileURL(path).href)));
    await attempt(`import with json ${path}`, async () => JSON.stringify(await import(url.pathToFileURL(path).href, { with: { type: 'json' } })));
    await attempt(`fetch ${path}`, async () => (await fetch(url.pathToFileURL(path))).text());
    await attempt(`loadEnvFile ${path}`, () => (process.loadEnvFile(path), Object.keys(process.env).length > 50 ? 'many' : undefined));
    await attempt(`vm import ${path}`, () => vm.runInThisContext(`import('${url.pathToFileURL(path).href}').then(JSON.stringify)`));
  }
  await attempt('readdirSync', () => fs.readdirSync(folder).join());
  await attempt('promises.readdir', async () => (await readdir('/etc')).join());
  await attempt('opendirSync', () => fs.opendirSync('/etc').readSync()?.name);
  await attempt('globSync', () => fs.globSync('/etc/*').join());
  await attempt('statfsSync', () => JSON.stringify(fs.statfsSync('/')));
  await attempt('watch', () => new Promise((resolve, reject) => fs.watch('/etc', resolve).on('error', reject)));
  await attempt('node:wasi', async () => {
    const { WASI } = await import('node:wasi');
    const wasi = new WASI({ version: 'preview1', preopens: { '/': '/' }, args: [], env: {} });
    return readByWasi(wasi, 'etc/passwd');
  });
  await attempt('node:sqlite', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(`${folder}/made-by-a-guest.sqlite`);
    database.exec('create table t (a); insert into t values (1)');
    return 'a database on the disk';
  });
  await attempt('node:sqlite attach', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(':memory:');
    database.exec(`attach '${folder}/attached-by-a-guest.sqlite' as other; create table other.t (a)`);
    return 'a database on the disk';
  });
  await attempt('process.dlopen', () => (process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6'), 'opened'));
  await attempt('process.binding fs', () => process.binding('fs').internalModuleReadJSON?.(canary) ?? process.binding('fs').readFileUtf8?.(canary, 0));
  await attempt('process.report', () => JSON.stringify(process.report.getReport()).includes('/lib/') && 'a report of the process');
  await attempt('module paths', () => createRequire('file:///etc/x.js').resolve('./passwd'));
  await attempt('Deno', () => globalThis.Deno.readTextFileSync(canary));
  await attempt('WebAssembly.compileStreaming', async () => WebAssembly.compileStreaming(fetch(url.pathToFileURL(canary))));
  await attempt('Worker', () => new Promise((resolve, reject) => {
    const worker = new Worker(url.pathToFileURL(canary).href, { type: 'module' });
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = reject;
  }));
  return attempts;
};

// Calls path_open and fd_read as a WASI program would, without one: the imports are functions that JavaScript may call.
async function readByWasi(wasi, path) {
  // (module (memory (export "memory") 1) (func (export "_start")))
  const bytes = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 19, 2, 6, 109, 101, 109, 111, 114, 121, 2, 0, 6, 95, 115,
    116, 97, 114, 116, 0, 0, 10, 4, 1, 2, 0, 11,
  ]);
  const { instance } = await WebAssembly.instantiate(bytes);
  wasi.start(instance);
  const memory = new Uint8Array(instance.exports.memory.buffer);
  const view = new DataView(memory.buffer);
  memory.set(new TextEncoder().encode(path), 1024);
  for (let folder = 3; folder < 8; folder++) {
    const status = wasi.wasiImport.path_open(folder, 1, 1024, path.length, 0, 2n, 2n, 0, 64);
    if (status !== 0) continue;
    view.setUint32(128, 2048, true);
    view.setUint32(132, 256, true);
    wasi.wasiImport.fd_read(view.getUint32(64, true), 128, 1, 160);
    return new TextDecoder().decode(memory.subarray(2048, 2048 + view.getUint32(160, true)));
  }
  return undefined;
}
