// The harness with two peers of ours: hoist, and the adapter that only echoes. The harness knows one system of ours by
// itself; its list of peers is the same object for all that import it.
//
//   node peers_harness.mjs HARNESS HOIST [the harness's own arguments]

import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [harness, hoist, ...args] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(harness, name)).href);

const { PEERS } = await load('peers.mjs');
PEERS.system = { command: [hoist, 'bench-adapter'], what: 'hoist', isolate: 'process' };
PEERS.echo = {
  command: [hoist, 'bench-adapter', '--echo', path.join(harness, 'workloads')],
  what: 'an adapter that runs nothing',
  isolate: 'none',
};
process.argv.splice(2, Infinity, ...args);
await load('run.mjs');
