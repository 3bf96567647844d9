// What a process may do to itself and to others, and what it tells of the host. Every fact is one of ours, on every machine.
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const done = [];
const attempt = (name, work) => {
  try {
    const result = work();
    done.push(result === undefined ? name : `${name}: ${JSON.stringify(result)?.slice(0, 100)}`);
  } catch {
    // Refused.
  }
};
const refused = () => {
  throw new Error('refused');
};
const facts = {};
const fact = (name, work) => {
  try {
    const value = work();
    if (value !== undefined) facts[name] = value;
  } catch (error) {
    facts[name] = `refused: ${error.name}`;
  }
};

export default async () => {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSTOP', 'SIGINT', 'SIGHUP', 'SIGUSR1', 0]) {
    for (const pid of [-1, 0, 2, process.ppid, -process.pid, 2 ** 31 - 1, -(2 ** 31), NaN, '2']) attempt(`kill ${pid} ${signal}`, () => (process.kill(pid, signal), undefined));
    attempt(`_kill ${signal}`, () => (process._kill(2, 9) < 0 ? refused() : undefined));
  }
  for (const [name, ...rest] of [
    ['setuid', 0], ['setgid', 0], ['seteuid', 0], ['setegid', 0], ['setgroups', [0]], ['initgroups', 'root', 0], ['chdir', '/etc'], ['chdir', '/proc/self'], ['execve', '/bin/true', ['true'], {}],
    ['dlopen', { exports: {} }, '/lib/libc.so.6'], ['_debugProcess', 2], ['loadEnvFile', '/etc/environment'],
  ]) attempt(name, () => void process[name](...rest));
  for (const priority of [-20, 19]) attempt(`setPriority ${priority}`, () => os.setPriority(priority));
  for (const pid of [1, 2, process.ppid]) attempt(`setPriority of ${pid}`, () => os.setPriority(pid, 10));
  attempt('getPriority of others', () => os.getPriority(2));
  attempt('report', () => process.report.writeReport('/tmp/report') || refused());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGWINCH']) {
    try {
      process.on(signal, () => {});
    } catch {
      // It may not listen.
    }
  }
  fact('pid', () => [process.pid, process.ppid]);
  fact('ids', () => [process.getuid(), process.geteuid(), process.getgid(), process.getegid(), process.getgroups()]);
  fact('user', () => { const { username, uid, gid, homedir, shell } = os.userInfo(); return [username, uid, gid, homedir, shell]; });
  fact('host', () => [os.hostname(), os.release(), os.type(), os.platform(), os.uptime(), os.loadavg(), os.networkInterfaces(), os.tmpdir(), os.homedir()]);
  fact('memory', () => [os.totalmem(), os.freemem(), ]);
  fact('processors', () => [os.cpus().length, os.cpus()[0].model, os.availableParallelism(), navigator.hardwareConcurrency]);
  fact('names', () => [process.title, process.argv0, process.argv.slice(0, 1), process.execPath, process.execArgv, process.cwd(), process.env.PATH, process.env.HOME, process.env.USER, process.env.PWD]);
  fact('environment', () => Object.keys(process.env).sort());
  fact('language', () => [navigator.language, navigator.languages, Intl.DateTimeFormat().resolvedOptions().locale, Intl.DateTimeFormat().resolvedOptions().timeZone, new Date(0).getTimezoneOffset()]);
  fact('report', () => process.report?.getReport?.()?.header?.cwd);
  fact('debug port', () => process.debugPort);
  fact('umask', () => process.umask());
  fact('storage', () => [typeof localStorage, typeof sessionStorage, typeof caches, typeof indexedDB]);
  fact('location', () => String(globalThis.location));
  fact('file descriptors', () => [process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY]);
  fact('resources', () => process.getActiveResourcesInfo?.().filter((name) => !/Timeout|Immediate|Signal/.test(name)));
  await sleep(20);
  return { done, facts };
};
