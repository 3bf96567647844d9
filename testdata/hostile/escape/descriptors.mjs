// Every descriptor by its number: to read, to write, to ask about.
import fs from 'node:fs';
import tty from 'node:tty';
import { setTimeout as sleep } from 'node:timers/promises';

const MOST = 1024;
const found = {};
const note = (descriptor, how) => (found[how] ??= []).push(descriptor);
const attempt = (descriptor, how, work) => {
  try {
    const result = work();
    if (result !== undefined && result !== false) note(descriptor, how);
    return result;
  } catch {
    return undefined;
  }
};

export default async () => {
  process.on('uncaughtException', () => {});
  process.on('unhandledRejection', () => {});
  const held = [];
  for (let descriptor = 0; descriptor <= MOST; descriptor++) {
    attempt(descriptor, 'read', () => fs.readSync(descriptor, Buffer.alloc(10), 0, 10, null) > 0);
    attempt(descriptor, 'readv', () => fs.readvSync(descriptor, [Buffer.alloc(10)]) > 0);
    attempt(descriptor, 'readFile', () => fs.readFileSync(descriptor).length > 0);
    if (descriptor > 2) attempt(descriptor, 'write', () => fs.writeSync(descriptor, 'x'));
    attempt(descriptor, 'ftruncate', () => (fs.ftruncateSync(descriptor, 0), true));
    attempt(descriptor, 'fsync', () => (fs.fsyncSync(descriptor), true));
    attempt(descriptor, 'device', () => fs.fstatSync(descriptor).isCharacterDevice());
    attempt(descriptor, 'folder or file', () => fs.fstatSync(descriptor).isDirectory() || fs.fstatSync(descriptor).isFile());
    attempt(descriptor, 'isatty', () => tty.isatty(descriptor));
    attempt(descriptor, 'ReadStream', () => { const stream = new tty.ReadStream(descriptor); stream.on('error', () => {}).on('data', () => note(descriptor, 'tty data')); held.push(stream); });
    attempt(descriptor, 'createReadStream', () => { const stream = fs.createReadStream('', { fd: descriptor, autoClose: false, highWaterMark: 16 }); stream.on('error', () => {}).on('data', () => note(descriptor, 'stream data')); held.push(stream); });
  }
  await sleep(200);
  return Object.fromEntries(Object.entries(found).map(([how, descriptors]) => [how, [...new Set(descriptors)]]));
};
