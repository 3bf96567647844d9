// Every descriptor by its number, as a socket or a terminal of the program's own. Whoever takes what its process lives by
// ends it, and nobody else.
import net from 'node:net';
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
  const bindings = ['tcp_wrap.TCP', 'pipe_wrap.Pipe', 'udp_wrap.UDP', 'tty_wrap.TTY'].map((path) => {
    const [binding, name] = path.split('.');
    try {
      return [name, process.binding(binding)[name]];
    } catch {
      return [name, undefined];
    }
  });
  const held = [];
  for (let descriptor = 3; descriptor <= MOST; descriptor++) {
    for (const [name, Wrap] of bindings) {
      for (const kind of [0, 1, 2]) attempt(descriptor, `${name}.open`, () => { const wrap = new Wrap(kind); const status = wrap.open(descriptor); held.push(wrap); return status === 0; });
    }
    attempt(descriptor, 'Socket', () => {
      const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
      socket.on('error', () => {}).on('data', () => note(descriptor, 'socket data'));
      socket.write('x', (error) => error || note(descriptor, 'socket write'));
      held.push(socket);
    });
    attempt(descriptor, 'listen', () => void net.createServer().on('error', () => {}).on('listening', () => note(descriptor, 'listening')).listen({ fd: descriptor }));
  }
  await sleep(200);
  return Object.fromEntries(Object.entries(found).map(([how, descriptors]) => [how, [...new Set(descriptors)]]));
};
