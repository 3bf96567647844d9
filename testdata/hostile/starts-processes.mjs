// Every way to another process, thread or program.
import childProcess from 'node:child_process';
import cluster from 'node:cluster';
import { Worker } from 'node:worker_threads';
import inspector from 'node:inspector';
import v8 from 'node:v8';

const attempts = {};
const attempt = async (name, work) => {
  try {
    const result = await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 500, undefined))]);
    attempts[name] = result === undefined || result === false ? 'nothing' : `REACHED ${String(result).slice(0, 200)}`;
  } catch (error) {
    attempts[name] = `refused: ${error?.name ?? error}`;
  }
};
const output = (child) =>
  new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.stdout?.on('data', (data) => (text += data));
    child.on('exit', (code) => (text ? resolve(text) : reject(new Error(`exit ${code}`))));
  });

export default async ({ folder, parent }) => {
  const touch = `${folder}/touched-by-a-guest`;
  await attempt('spawn', () => output(childProcess.spawn('/bin/sh', ['-c', `echo out; touch ${touch}`])));
  await attempt('spawnSync', () => childProcess.spawnSync('/bin/sh', ['-c', `echo out; touch ${touch}`]).stdout?.toString() || undefined);
  await attempt('exec', () => new Promise((resolve, reject) => childProcess.exec(`echo out; touch ${touch}`, (error, text) => (error ? reject(error) : resolve(text)))));
  await attempt('execSync', () => childProcess.execSync(`echo out; touch ${touch}`).toString());
  await attempt('execFile', () => new Promise((resolve, reject) => childProcess.execFile('/bin/echo', ['out'], (error, text) => (error ? reject(error) : resolve(text)))));
  await attempt('execFileSync', () => childProcess.execFileSync('/bin/echo', ['out']).toString());
  await attempt('fork', () => output(childProcess.fork('/hoist/agent.js', { silent: true })));
  await attempt('spawn itself', () => output(childProcess.spawn(process.execPath, ['--version'])));
  await attempt('cluster', () => output(cluster.fork().process));
  await attempt('worker thread', () => new Promise((resolve, reject) => {
    const worker = new Worker('require("node:worker_threads").parentPort.postMessage("from a thread")', { eval: true });
    worker.on('message', resolve);
    worker.on('error', reject);
  }));
  await attempt('kill the parent', () => process.kill(parent, 'SIGKILL'));
  await attempt('kill by ppid', () => (process.ppid > 1 ? process.kill(process.ppid, 'SIGKILL') : undefined));
  await attempt('kill the group', () => process.kill(-parent, 'SIGKILL'));
  await attempt('signal of the parent', () => process.kill(parent, 0));
  await attempt('chdir', () => (process.chdir('/etc'), process.cwd()));
  await attempt('umask', () => (process.umask(0), undefined));
  await attempt('setuid', () => (process.setuid(0), undefined));
  await attempt('inspector', () => (inspector.open(0, '127.0.0.1'), inspector.url()));
  await attempt('writeHeapSnapshot', () => v8.writeHeapSnapshot(`${folder}/snapshot-by-a-guest`));
  await attempt('process.binding spawn_sync', () => process.binding('spawn_sync').spawn({ file: '/bin/echo', args: ['echo', 'out'], stdio: [] })?.output);
  await attempt('process.execve', () => process.execve('/bin/echo', ['echo', '"forged"']));
  await attempt('Deno.Command', () => new globalThis.Deno.Command('/bin/echo').outputSync().stdout);
  return attempts;
};
