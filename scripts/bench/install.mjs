// Measures resolve and fetch beside npm, pnpm and bun: graphs of 10, 100 and 400 packages from a loopback registry, whole
// commands from start to exit, all clients in one run and in turn, each turn starting with another one.
// Cold: nothing is kept and no lock (but npm ci's). Warm: everything is kept, in a new folder, without a lock or node_modules.
// All files are written below one new folder in FOLDER: what its file system costs is part of every figure.
// Exits 1 when hoist is slower than bun on a cold cache or less than 10 times as fast on a warm one, and when a client did
// not get the packages of the graph, asked for something else, or downloaded on a warm cache.
//
// The gates are on hoist's whole command, or with `--gate stages` on what it says of its stages resolve and fetch.
//
//   node scripts/bench/install.mjs [--hoist PATH] [--sizes 10,100,400] [--reps N] [--clients NAME,NAME] [--gate stages] [--scratch FOLDER]

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { clients, environment, expected, lockFor } from './clients.mjs';
import { Frozen } from './frozen.mjs';
import { circumstances, folder, here, installTools, median, print, ratio, root } from './measure.mjs';

const WARM_RATIO = 10;
/** A client that needs longer hangs. */
const CLIENT_TIMEOUT_MS = 180_000;
/** Clients place peers and take duplicates together in ways of their own; more of a difference is another graph. */
const DIFFERENT_SHARE = 0.05;

const { values: flags } = parseArgs({
  options: {
    hoist: { type: 'string', default: path.join(root, 'target/release/hoist') },
    sizes: { type: 'string', default: '10,100,400' },
    reps: { type: 'string', default: '5' },
    clients: { type: 'string' },
    gate: { type: 'string', default: 'command' },
    scratch: { type: 'string', default: os.tmpdir() },
  },
});
const repeats = Number(flags.reps);
const known = Object.entries(clients(path.resolve(flags.hoist)));
const chosen = known.filter(([name]) => !flags.clients || flags.clients.split(',').includes(name));
const kept = process.env.HOIST_BENCH_CACHE ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'hoist/bench');
const failures = [];

await main();

async function main() {
  installTools();
  const scratch = fs.mkdtempSync(path.join(flags.scratch, 'hoist-bench-'));
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  try {
    const graphs = [];
    for (const size of flags.sizes.split(',')) graphs.push(await measure(size, scratch, upstream));
    report(graphs);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** One graph by every client; its registry lives as long, since caches are kept by address. */
async function measure(size, scratch, upstream) {
  const graph = {
    size,
    manifest: fs.readFileSync(path.join(here, 'graphs', size, 'package.json')),
    lock: JSON.parse(fs.readFileSync(path.join(here, 'graphs', size, 'package-lock.json'), 'utf8')),
    folder: path.join(scratch, size),
    taken: Object.fromEntries(chosen.map(([name]) => [name, { start: [], cold: [], warm: [], stages: { cold: [], warm: [] } }])),
    packages: {},
  };
  graph.expected = expected(graph.lock);
  await new Frozen(kept, upstream).fill(graph.lock);
  const registry = await serve(upstream);
  try {
    // The first turn fills the caches that stay, and the registry with what only one client asks for.
    for (const [name, client] of chosen) await turn(graph, registry, name, client, 'warm', 'fill');
    await registry.ask('seal');
    for (let repeat = 0; repeat < repeats; repeat++) {
      console.error(`${size} packages, turn ${repeat + 1} of ${repeats}`);
      const first = repeat % chosen.length;
      for (const [name, client] of [...chosen.slice(first), ...chosen.slice(0, first)]) await measureOnce(graph, registry, name, client, repeat);
    }
  } finally {
    await registry.stop();
    fs.rmSync(graph.folder, { recursive: true, force: true });
  }
  return graph;
}

/** One client on a cache of its own, on the one that stays, and with nothing to do. */
async function measureOnce(graph, registry, name, client, repeat) {
  graph.taken[name].start.push(start(client, graph));
  const cold = await turn(graph, registry, name, client, `cold-${repeat}`, 'cold');
  let warm = await turn(graph, registry, name, client, 'warm', 'warm');
  // Documents may be used unasked for minutes. A run that asked because these were over is not the one to compare.
  if (requests(warm.served) > 0) warm = await turn(graph, registry, name, client, 'warm', 'warm');
  for (const { kind, took, stages } of [cold, warm]) {
    graph.taken[name][kind].push(took);
    graph.taken[name].stages[kind].push(stages);
  }
}

/** What is in each figure without any work: a process that starts and says its version. */
function start(client, graph) {
  const [program, ...args] = client.command('');
  const script = args.filter((argument) => argument.endsWith('.js'));
  return run(program, [...script, '--version'], graph.folder, process.env).took;
}

/** One command of one client in a new folder: what it took in ms, and what it was served. */
async function turn(graph, registry, name, client, cache, kind) {
  const own = path.join(graph.folder, name.replace(' ', '-'), cache);
  const project = path.join(graph.folder, name.replace(' ', '-'), 'project');
  fs.mkdirSync(path.join(own, 'home'), { recursive: true });
  fs.mkdirSync(project);
  fs.writeFileSync(path.join(project, 'package.json'), graph.manifest);
  fs.writeFileSync(path.join(project, '.npmrc'), `registry=${registry.address}/\n`);
  if (client.locked) fs.writeFileSync(path.join(project, 'package-lock.json'), JSON.stringify(lockFor(graph.lock, registry.address)));
  const [program, ...args] = client.command(path.join(own, 'cache'));
  await registry.ask('take');
  const env = environment(path.join(own, 'home'), registry.address);
  const { result, took } = run(program, args, project, env);
  const served = await registry.ask('take');
  check(graph, name, kind, served, client.installed(project, result.stdout));
  fs.rmSync(project, { recursive: true });
  if (kind === 'cold') fs.rmSync(own, { recursive: true });
  return { kind, took, served, stages: client.stages?.(result.stdout) ?? {} };
}

/** One command and what it took in ms; one that fails has no figure. */
function run(program, args, cwd, env) {
  const started = process.hrtime.bigint();
  const result = spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout: CLIENT_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 28 });
  const took = Number(process.hrtime.bigint() - started) / 1e6;
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${result.status}\n${result.stderr}\n${result.stdout.slice(0, 4000)}`);
  return { result, took };
}

/** A figure of a run that did something else is none. */
function check(graph, name, kind, served, installed) {
  const where = `${name}, ${graph.size} packages, ${kind}`;
  const more = [...installed].filter((one) => !graph.expected.has(one)).sort();
  const fewer = [...graph.expected].filter((one) => !installed.has(one)).sort();
  if (more.length + fewer.length > graph.expected.size * DIFFERENT_SHARE) failures.push(`${where}: not this graph: ${difference(more, fewer)}`);
  if (kind === 'warm' && served.tarballs.length > 0) failures.push(`${where}: downloaded ${served.tarballs.join(', ')}`);
  if (kind === 'cold' && served.tarballs.length < installed.size) failures.push(`${where}: ${served.tarballs.length} downloads for ${installed.size} packages`);
  if (kind !== 'fill' && served.missing.length > 0) failures.push(`${where}: the registry has no ${served.missing.join(', ')}`);
  graph.packages[name] ??= { installed, more, fewer, served: {} };
  graph.packages[name].served[kind] = served;
}

function difference(more, fewer) {
  return [...more.map((one) => `+ ${one}`), ...fewer.map((one) => `- ${one}`)].join(', ');
}

/** What was asked for. */
function requests({ full, abbreviated, unchanged, tarballs }) {
  return full + abbreviated + unchanged + tarballs.length;
}

/** The registry, in a process of its own. */
async function serve(upstream) {
  const child = spawn(process.execPath, [path.join(here, 'registry.mjs'), kept, upstream], { stdio: ['pipe', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the registry ended with ${code}`)));
    child.stdout.once('data', (text) => resolve(String(text).trim()));
  });
  const ask = async (what) => (await fetch(`${address}/-/bench/${what}`, { method: 'POST' })).json();
  const stop = () => new Promise((resolve) => child.once('exit', resolve) && child.stdin.end());
  return { address, ask, stop };
}

function report(graphs) {
  const names = chosen.map(([name]) => name);
  const compared = names.includes('hoist') && names.includes('bun install');
  const when = circumstances(repeats);
  console.log(`\n${when} (least in brackets)\n\n## Resolve and fetch: the whole command (start: --version)\n`);
  const cell = (times) => `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)})`;
  const rows = (kind) => graphs.map(({ size, taken }) => [
    size,
    kind,
    ...names.map((name) => cell(taken[name][kind])),
    ...(compared ? [ratio(median(taken['bun install'][kind]), median(taken.hoist[kind]))] : []),
  ]);
  print(['packages', 'cache', ...names, ...(compared ? ['bun / hoist'] : [])], [...rows('cold'), ...rows('warm'), ...rows('start')]);
  if (names.includes('hoist')) reportStages(graphs);
  console.log('\n## What each got: packages; downloads and MiB on a cold cache; requests on a warm one\n');
  const got = ({ served: { cold, warm }, installed }) =>
    `${installed.size}; ${cold.full + cold.abbreviated} + ${cold.tarballs.length}, ${(cold.bytes / (1 << 20)).toFixed(1)}; ${requests(warm)}`;
  print(['packages', ...names], graphs.map(({ size, packages }) => [size, ...names.map((name) => got(packages[name]))]));
  for (const { size, packages } of graphs) {
    for (const [name, { more, fewer }] of Object.entries(packages)) {
      if (more.length + fewer.length > 0) console.log(`\n${name}, ${size} packages, beside npm's lock: ${difference(more, fewer)}`);
    }
  }
  if (compared) graphs.forEach(gate);
  const results = graphs.map(({ size, taken, packages }) => ({ size: Number(size), taken, packages }));
  const plain = (_, value) => (value instanceof Set ? value.size : value);
  fs.writeFileSync(path.join(folder, 'install.json'), JSON.stringify({ circumstances: when, results, failures }, plain, 2));
}

function reportStages(graphs) {
  const stages = Object.keys(graphs[0].taken.hoist.stages.cold[0]);
  const row = (kind) => ({ size, taken: { hoist, 'bun install': bun } }) => {
    const parts = stages.map((stage) => median(hoist.stages[kind].map((one) => one[stage] ?? 0)));
    const rest = median(hoist[kind]) - parts.reduce((sum, part) => sum + part, 0);
    return [size, kind, ...parts, rest, bun ? ratio(median(bun[kind]), median(hoist.stages[kind].map(resolveAndFetch))) : ''];
  };
  console.log('\n## What hoist says of its own stages\n');
  print(['packages', 'cache', ...stages, 'the rest of the command', 'bun / (resolve + fetch)'], [...graphs.map(row('cold')), ...graphs.map(row('warm'))]);
}

function gate({ size, taken: { hoist, 'bun install': bun } }) {
  const ours = (kind) => median(flags.gate === 'stages' ? hoist.stages[kind].map(resolveAndFetch) : hoist[kind]);
  if (ours('cold') > median(bun.cold)) failures.push(`${size} packages, cold: ${ours('cold').toFixed(1)} ms, bun ${median(bun.cold).toFixed(1)} ms`);
  const warm = median(bun.warm) / ours('warm');
  if (!(warm >= WARM_RATIO)) failures.push(`${size} packages, warm: ${warm.toFixed(1)} times as fast as bun, not ${WARM_RATIO}`);
}

function resolveAndFetch({ resolve = 0, fetch = 0 }) {
  return resolve + fetch;
}
