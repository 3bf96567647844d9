// A registry on a port of its own, in a process of its own, as fast as a script can be one: everything that was asked for
// once is in memory, already compressed. Ends with its standard input.
//
//   node registry.mjs FOLDER UPSTREAM      prints its address; POST /-/bench/seal, POST /-/bench/take (figures since the last)

import crypto from 'node:crypto';
import http from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { ADDRESS, Frozen, versionOf } from './frozen.mjs';

/** What a client asks for when it only wants to install. */
const ABBREVIATED = 'application/vnd.npm.install-v1+json';

const gzip = promisify(zlib.gzip);
const gunzip = promisify(zlib.gunzip);
const [folder, upstream] = process.argv.slice(2);
const frozen = new Frozen(folder, upstream);
const packuments = new Map();
const tarballs = new Map();
let figures = nothing();

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`${request.url}: ${error.message}`);
    send(response, 502, {}, Buffer.from(JSON.stringify({ error: error.message })));
  });
});
// Whoever measures is silent while a client runs.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log(address()));
process.stdin.resume().on('end', () => process.exit());

async function answer(request, response) {
  const url = decodeURIComponent(request.url.split('?')[0]);
  if (request.method === 'POST' && url.startsWith('/-/bench/')) return control(url, response);
  const tarball = url.match(/^\/((?:@[^/]+\/)?[^/@]+)\/-\/([^/]+\.tgz)$/);
  if (tarball) return sendTarball(response, tarball[1], tarball[2]);
  const packument = url.match(/^\/((?:@[^/]+\/)?[^/@-][^/]*)$/);
  if (packument && request.method === 'GET') return sendPackument(request, response, packument[1]);
  return missing(request, response);
}

function control(url, response) {
  if (url === '/-/bench/seal') frozen.seal();
  send(response, 200, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify(figures)));
  figures = nothing();
}

async function sendPackument(request, response, name) {
  const form = request.headers.accept?.includes(ABBREVIATED) ? 'abbreviated' : 'full';
  const found = await kept(packuments, `${form} ${name}`, () => load(name, form));
  if (!found) return missing(request, response);
  const headers = {
    'content-type': form === 'full' ? 'application/json' : ABBREVIATED,
    // What the public registry says.
    'cache-control': 'public, max-age=300',
    vary: 'accept-encoding, accept',
    etag: found.etag,
  };
  if (request.headers['if-none-match'] === found.etag) {
    figures.unchanged += 1;
    return send(response, 304, headers, Buffer.alloc(0));
  }
  figures[form] += 1;
  if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return send(response, 200, { ...headers, 'content-encoding': 'gzip' }, found.gzipped);
  found.plain ??= await gunzip(found.gzipped);
  return send(response, 200, headers, found.plain);
}

async function load(name, form) {
  const bytes = await frozen.packument(name, form);
  if (!bytes) return null;
  const text = (await gunzip(bytes)).toString('utf8').replaceAll(ADDRESS, `${address()}/`);
  const gzipped = await gzip(text);
  return { gzipped, etag: `"${crypto.createHash('sha1').update(gzipped).digest('hex')}"` };
}

async function sendTarball(response, name, base) {
  const bytes = await kept(tarballs, `${name}/${base}`, () => frozen.tarball(name, base));
  if (!bytes) return missing({ method: 'GET', url: `/${name}/-/${base}` }, response);
  figures.tarballs.push(`${name}@${versionOf(name, base)}`);
  return send(response, 200, { 'content-type': 'application/octet-stream', 'cache-control': 'public, immutable, max-age=31557600' }, bytes);
}

/** A package that is not there is counted too: a measured client must not have failed quietly. Nothing else is here. */
function missing(request, response) {
  if (!request.url.startsWith('/-/')) figures.missing.push(`${request.method} ${request.url}`);
  send(response, 404, { 'content-type': 'application/json' }, Buffer.from('{"error":"not found"}'));
}

function send(response, status, headers, body) {
  figures.bytes += body.length;
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(body);
}

/** What is loaded once stays; what is not there is asked for again. */
function kept(map, key, load) {
  if (!map.has(key)) {
    const loading = load();
    const forget = () => map.delete(key);
    map.set(key, loading);
    loading.then((found) => found ?? forget(), forget);
  }
  return map.get(key);
}

function address() {
  return `http://127.0.0.1:${server.address().port}`;
}

function nothing() {
  return { full: 0, abbreviated: 0, unchanged: 0, tarballs: [], bytes: 0, missing: [] };
}
