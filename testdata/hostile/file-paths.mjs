// Every path that could climb out of the run's own files, and every way around their limits.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import v8 from 'node:v8';
import path from 'node:path';

const code = (work) => {
  try {
    const result = work();
    return result === undefined ? 'done' : `REACHED ${String(result).slice(0, 100)}`;
  } catch (error) {
    return error.code ?? error.message;
  }
};
const later = (work) => work().then((result) => `REACHED ${String(result).slice(0, 100)}`, (error) => error.code ?? error.message);
const require = createRequire(import.meta.url);

export default async () => {
  const outside = [
    '/hoist/../etc/passwd', '/tmp/../etc/passwd', '/hoist/node_modules/../../../etc/passwd', '../../etc/passwd', '/etc/passwd',
    '/proc/self/environ', '/proc/self/root/etc/passwd', '/proc/self/fd/0', '/proc/self/cwd', '/dev/null', '/dev/fd/0', '/sys/kernel',
    '//etc/passwd', '/./etc/passwd', '/hoist/./../etc/./passwd', '/hoistile', '/tmpx', `/${'../'.repeat(1000)}etc/passwd`,
    'file:///etc/passwd', '\u2025/etc/passwd', '/hoist\\..\\etc\\passwd', Buffer.from([0x2f, 0xff, 0xfe]),
  ];
  const read = new Set(outside.map((name) => code(() => fs.readFileSync(name))));
  const listed = new Set(outside.map((name) => code(() => fs.readdirSync(name))));
  const looked = new Set(outside.map((name) => code(() => fs.statSync(name))));
  const required = new Set(outside.slice(0, 12).map((name) => code(() => require(name))));
  const written = new Set(outside.slice(0, 12).map((name) => code(() => fs.writeFileSync(name, 'x'))));
  const linked = new Set(outside.slice(0, 12).map((name) => code(() => fs.symlinkSync(name, '/tmp/link'))));
  const moved = new Set(outside.slice(0, 12).map((name) => code(() => fs.renameSync(name, '/tmp/moved'))));
  fs.writeFileSync('/tmp/own', 'x');
  return {
    read: [...read].sort(),
    listed: [...listed].sort(),
    looked: [...looked].sort(),
    required: [...required].sort(),
    written: [...written].sort(),
    linked: [...linked].sort(),
    moved: [...moved].sort(),
    url: code(() => fs.readFileSync(new URL('file:///etc/passwd'))),
    host: code(() => fs.readFileSync(new URL('file://elsewhere/etc/passwd'))),
    http: code(() => fs.readFileSync(new URL('http://localhost/etc/passwd'))),
    encoded: code(() => fs.readFileSync(new URL('file:///hoist/%2e%2e/etc/passwd'))),
    slash: code(() => fs.readFileSync(new URL('file:///hoist/..%2fetc/passwd'))),
    nul: code(() => fs.readFileSync('/hoist/file-paths.mjs\0.txt')),
    nulLater: await later(() => fs.promises.readFile('/tmp/own\0')),
    long: code(() => fs.readFileSync(`/tmp/${'x'.repeat(300)}`)),
    longer: code(() => fs.mkdirSync(`/tmp/${'x/'.repeat(3000)}`, { recursive: true })),
    fetched: (await later(async () => (await fetch('file:///etc/passwd')).text())),
    imported: (await later(() => import(`file:///etc/${'passwd'}`))),
    moveOut: code(() => fs.renameSync('/tmp/own', '/etc/own')),
    moveIn: code(() => fs.renameSync('/tmp/own', '/hoist/own')),
    copyIn: code(() => fs.copyFileSync('/tmp/own', '/hoist/own')),
    removeAll: code(() => fs.rmSync('/hoist', { recursive: true })),
    removeRoot: code(() => fs.rmSync('/', { recursive: true })),
    removeTmp: code(() => fs.rmdirSync('/tmp')),
    hard: code(() => fs.linkSync('/hoist/file-paths.mjs', '/tmp/hard')),
    change: code(() => process.chdir('/etc')),
    changed: code(() => process.chdir('/hoist/file-paths.mjs')),
    snapshot: code(() => v8.writeHeapSnapshot('/tmp/heap')),
    opened: code(() => process.report.writeReport('/tmp/report') || undefined),
    mode: code(() => fs.chmodSync('/hoist/file-paths.mjs', 0o777)),
    owner: code(() => fs.chownSync('/tmp/own', 0, 0)),
    relative: path.relative('/hoist', fs.realpathSync('.')),
  };
};
