// Measures hoist beside esbuild's and rolldown's own command lines, on the same packages at the same versions, in one
// run, alternating (A B A B ...), so that a busy machine is busy for all of them. Prints tables of medians and ratios.
// Exits 1 when a whole bundle takes longer than rolldown's command, or when new user code on a known layer is less than
// 20 times as fast as a whole bundle.
//
//   node scripts/bench/run.mjs [--hoist PATH] [--repeats N] [--only SET]

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { circumstances, folder, installTools, median, print, ratio, root } from './measure.mjs';
import { sets, userCode, wholeEntry } from './programs.mjs';

const LAYER_RATIO = 20;
const { values: flags } = parseArgs({
  options: {
    hoist: { type: 'string', default: path.join(root, 'target/release/hoist') },
    repeats: { type: 'string', default: '15' },
    only: { type: 'string' },
  },
});
const hoist = path.resolve(flags.hoist);
const repeats = Number(flags.repeats);
const manifest = path.join(folder, 'manifest.json');
const work = path.join(folder, 'work');

// As `hoist bundle` does: one ES module for Node, shaken, with a map beside it.
const ROLLDOWN = ['--format', 'esm', '--platform', 'node', '--sourcemap', '--no-codeSplitting'];
const ESBUILD = ['--bundle', '--format=esm', '--platform=node', '--sourcemap', '--log-level=info'];
const failures = [];

await main();

async function main() {
  install();
  const rows = { whole: [], layer: [] };
  const chosen = Object.entries(sets).filter(([name]) => !flags.only || name.includes(flags.only));
  for (const [name, set] of chosen) {
    writeManifest(set);
    rows.whole.push(whole(name, set));
  }
  // The commands above have let go of the cache.
  const service = await serve();
  for (const [name, set] of chosen) {
    writeManifest(set);
    rows.layer.push(await layer(name, set, service));
  }
  await service.stop();
  console.log(`\n${circumstances(repeats)}\n`);
  console.log('## Whole bundle: the whole command, and what each engine says of itself\n');
  print(['set', 'hoist', 'rolldown', 'esbuild', 'hoist / rolldown', 'hoist / esbuild', 'engine: hoist', 'rolldown', 'esbuild', 'hoist / rolldown'], rows.whole);
  console.log('\n## New user code (300 lines): scan and link on a known layer, beside scan and bundle as a whole\n');
  print(['set', 'layer', 'whole', 'whole / layer', 'layer from the store', 'request: layer', 'whole'], rows.layer);
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** The packages in a real node_modules, for the other two; hoist takes the same versions from its cache. */
function install() {
  installTools();
  fs.rmSync(work, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });
}

/** What hoist is asked for: the set's packages at the versions that are installed. */
function writeManifest(set) {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const asked = Object.fromEntries(set.packages.map((name) => [name, dependencies[name]]));
  fs.writeFileSync(manifest, JSON.stringify({ dependencies: asked }));
}

/** One set as a whole bundle, by three commands. Every entry is new, so nobody has its bundle already. */
function whole(name, set) {
  const entry = path.join(work, 'entry.js');
  const out = (tool) => path.join(work, `out-${tool}.js`);
  const platform = `@esbuild/${process.platform}-${process.arch}/bin/esbuild`;
  const commands = {
    hoist: () => timed(hoist, ['bundle', entry, '--manifest', manifest, '-o', out('hoist')]),
    rolldown: () => timed(process.execPath, [path.join(folder, 'node_modules/rolldown/bin/cli.mjs'), entry, ...ROLLDOWN, '-o', out('rolldown')]),
    esbuild: () => timed(path.join(folder, 'node_modules', platform), [entry, ...ESBUILD, `--outfile=${out('esbuild')}`]),
    engine: () => timed(hoist, ['run', entry, '--whole', '--json', '--manifest', manifest]),
    shaken: () => timed(process.execPath, [path.join(folder, 'node_modules/rolldown/bin/cli.mjs'), entry, ...ROLLDOWN, '--no-treeshake', '-o', out('rolldown')]),
  };
  const taken = { hoist: [], rolldown: [], esbuild: [], engine: [], rolldownEngine: [], esbuildEngine: [] };
  for (let turn = -1; turn < repeats; turn++) {
    fs.writeFileSync(entry, wholeEntry(set, `${process.pid} ${turn}`));
    const results = Object.fromEntries(Object.entries(commands).map(([tool, command]) => [tool, command()]));
    if (turn < 0) continue; // The first turn fills caches.
    for (const tool of ['hoist', 'rolldown', 'esbuild']) taken[tool].push(results[tool].took);
    taken.engine.push(stage(JSON.parse(results.engine.stdout), 'bundle'));
    taken.rolldownEngine.push(told(results.shaken, /Finished in ([\d.]+)\s*(ms|s)/));
    taken.esbuildEngine.push(told(results.esbuild, /Done in ([\d.]+)\s*(ms|s)/));
  }
  const [ours, rolldown, esbuild, engine, rolldownEngine, esbuildEngine] = Object.values(taken).map(median);
  if (ours > rolldown) failures.push(`{${name}}: a whole bundle takes ${ours.toFixed(0)} ms, rolldown's command ${rolldown.toFixed(0)} ms`);
  return [name, ours, rolldown, esbuild, ratio(ours, rolldown), ratio(ours, esbuild), engine, rolldownEngine, esbuildEngine, ratio(engine, rolldownEngine)];
}

/**
 * New user code of one set, linked to the layer that the first turn made known, and bundled as a whole, by one service.
 * The program of each turn is new to both.
 */
async function layer(name, set, service) {
  const { dependencies } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  const run = async (number, whole) => {
    const started = process.hrtime.bigint();
    const body = JSON.stringify({ code: userCode(set, number), entry: 'agent.ts', dependencies, whole });
    const answer = await fetch(`${service.address}/v1/run`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const reply = await answer.json();
    const took = Number(process.hrtime.bigint() - started) / 1e6;
    if (reply.outcome !== 'value') throw new Error(`{${name}}: ${JSON.stringify(reply.error)}`);
    // Nobody sends as fast as this: the next worker is started after an answer.
    await new Promise((resolve) => setTimeout(resolve, 150));
    return { reply, took };
  };
  const taken = { layer: [], whole: [], store: [], layerRequest: [], wholeRequest: [] };
  for (let turn = -1; turn < repeats; turn++) {
    const number = process.pid * 100 + turn + 1;
    const linked = await run(number, false);
    const bundled = await run(number, true);
    if (JSON.stringify(linked.reply.value) !== JSON.stringify(bundled.reply.value)) throw new Error(`{${name}}: the answers differ`);
    if (linked.reply.path !== 'layer') throw new Error(`{${name}} went the way ${linked.reply.path}: ${linked.reply.path_reason}`);
    if (turn < 0) continue;
    taken.layer.push(stage(linked.reply, 'scan') + stage(linked.reply, 'link'));
    taken.whole.push(stage(bundled.reply, 'scan') + stage(bundled.reply, 'bundle'));
    taken.store.push(stage(linked.reply, 'bundle'));
    taken.layerRequest.push(linked.took);
    taken.wholeRequest.push(bundled.took);
  }
  const [linked, bundled, ...others] = Object.values(taken).map(median);
  const times = bundled / linked;
  if (times < LAYER_RATIO) failures.push(`{${name}}: on a known layer new code is ${times.toFixed(1)} times as fast as a whole bundle, not ${LAYER_RATIO}`);
  return [name, linked, bundled, `${times.toFixed(1)}`, ...others];
}

/** A service on a port of its own, with the cache of this measurement. */
async function serve() {
  const args = ['serve', '--listen', '127.0.0.1:0', '--cache', path.join(folder, 'cache')];
  const child = spawn(hoist, args, { cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code}`)));
    child.stdout.on('data', (text) => {
      const found = String(text).match(/http:\/\/[\d.:]+/);
      if (found) resolve(found[0]);
    });
  });
  const stop = () => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM'));
  return { address, stop };
}

function environment() {
  return { ...process.env, HOIST_CACHE: path.join(folder, 'cache'), NO_COLOR: '1' };
}

function timed(program, args) {
  const started = process.hrtime.bigint();
  const result = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: environment(), maxBuffer: 1 << 28 });
  const took = Number(process.hrtime.bigint() - started) / 1e6;
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${result.status}\n${result.stderr}\n${result.stdout.slice(0, 2000)}`);
  return { took, stdout: result.stdout, stderr: result.stderr };
}

/** What a stage of hoist's took; nothing, when it was not needed. */
function stage(reply, name) {
  const stages = Array.isArray(reply.timings) ? reply.timings : [];
  return stages.filter((timing) => timing.stage === name).reduce((sum, timing) => sum + timing.ms, 0);
}

/** What another engine says that it took. */
function told(result, pattern) {
  const found = `${result.stdout}${result.stderr}`.match(pattern);
  if (!found) throw new Error(`no time in ${result.stdout}${result.stderr}`);
  return Number(found[1]) * (found[2] === 's' ? 1000 : 1);
}
