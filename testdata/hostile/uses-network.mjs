// Every way to a network. The test listens on the port and must not be called.
import net from 'node:net';
import http from 'node:http';
import https from 'node:https';
import http2 from 'node:http2';
import tls from 'node:tls';
import dgram from 'node:dgram';
import dns from 'node:dns';

// Some ways fail when nobody listens any more.
process.on('uncaughtException', () => {});

const attempts = {};
const attempt = async (name, work) => {
  try {
    const result = await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 500, undefined))]);
    attempts[name] = result === undefined ? 'nothing' : `REACHED ${String(result).slice(0, 200)}`;
  } catch (error) {
    attempts[name] = `refused: ${error?.name ?? error}`;
  }
};
const connected = (socket, event) => new Promise((resolve, reject) => socket.on(event, () => resolve(event)).on('error', reject));

export default async ({ port, path }) => {
  const address = `127.0.0.1:${port}`;
  await attempt('fetch', async () => (await fetch(`http://${address}/`)).status);
  await attempt('fetch of localhost', async () => (await fetch(`http://localhost:${port}/`)).status);
  await attempt('fetch of the world', async () => (await fetch('https://example.com/')).status);
  await attempt('net.connect', () => connected(net.connect(port, '127.0.0.1'), 'connect'));
  await attempt('net.connect by path', () => connected(net.connect({ path }), 'connect'));
  await attempt('tls.connect', () => connected(tls.connect(port, '127.0.0.1'), 'connect'));
  await attempt('http.get', () => connected(http.get(`http://${address}/`), 'response'));
  await attempt('https.get', () => connected(https.get(`https://${address}/`), 'response'));
  await attempt('http2.connect', () => connected(http2.connect(`http://${address}`), 'connect'));
  await attempt('net listen', () => connected(net.createServer().listen(0, '127.0.0.1'), 'listening'));
  await attempt('net listen by path', () => connected(net.createServer().listen('/tmp/guest.sock'), 'listening'));
  await attempt('http listen', () => connected(http.createServer().listen(0, '127.0.0.1'), 'listening'));
  await attempt('dgram', () => new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4').on('error', reject);
    socket.bind(0, '127.0.0.1', () => socket.send('x', port, '127.0.0.1', (error) => (error ? reject(error) : resolve('sent'))));
  }));
  await attempt('dns.lookup', () => new Promise((resolve, reject) => dns.lookup('example.com', (error, found) => (error ? reject(error) : resolve(found)))));
  await attempt('dns.lookup localhost', () => dns.promises.resolve4('localhost.localdomain'));
  await attempt('WebSocket', () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${address}/`);
    socket.onopen = () => resolve('open');
    socket.onerror = () => reject(new Error('error'));
  }));
  await attempt('EventSource', () => new Promise((resolve, reject) => {
    const source = new EventSource(`http://${address}/`);
    source.onopen = () => resolve('open');
    source.onerror = () => reject(new Error('error'));
  }));
  await attempt('import', () => import(`http://${address}/x.js`));
  return attempts;
};
