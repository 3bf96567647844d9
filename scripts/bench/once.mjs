// How many of the corpus's dependency sets (tiers core and node) are evaluated once, in a zygote, for all runs that import
// them. Lists the others with the reason that the reply gives. Exits 1 when they are less than the share that is wanted,
// and when a case has no reply that says it.
//
//   node scripts/bench/once.mjs [--hoist PATH] [--corpus FOLDER] [--via run|serve] [--only ID,ID]
//
// By `run` each case is a command of its own. By `serve` one service is sent each case twice, and the second reply counts:
// the first has made the layer known.

import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { print, root } from './measure.mjs';

/** The field of a reply: `{"once": true}`, or `{"once": false, "reason": "..."}`. */
const FIELD = 'evaluated';
const WANTED_SHARE = 0.9;
const TIERS = ['core', 'node'];
const WALL = '60s';
const AT_ONCE = 2;

const { values: flags } = parseArgs({
  options: {
    hoist: { type: 'string', default: path.join(root, 'target/release/hoist') },
    corpus: { type: 'string', default: process.env.HOIST_COMPAT ?? path.resolve(root, '../shared/compat') },
    via: { type: 'string', default: 'run' },
    only: { type: 'string' },
  },
});
const hoist = path.resolve(flags.hoist);

await main();

async function main() {
  if (!fs.existsSync(path.join(flags.corpus, 'index.json'))) {
    console.error(`no corpus in ${flags.corpus}: what is evaluated once is not counted`);
    return;
  }
  const index = JSON.parse(fs.readFileSync(path.join(flags.corpus, 'index.json'), 'utf8'));
  const only = flags.only?.split(',');
  const cases = index.cases.filter((one) => TIERS.includes(one.tier) && Object.keys(one.dependencies).length > 0 && (!only || only.includes(one.id)));
  const asker = flags.via === 'serve' ? await service() : commands();
  const found = new Map();
  try {
    const left = [...cases];
    const worker = async () => {
      for (let one = left.shift(); one; one = left.shift()) found.set(one.id, said(await asker.ask(one)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await asker.stop();
  }
  report(cases, found);
}

/** What a reply says of its packages: once or not, and why. */
function said(reply) {
  const evaluated = reply?.[FIELD];
  if (typeof evaluated?.once === 'boolean') return { once: evaluated.once, reason: evaluated.reason ?? '' };
  return { once: false, silent: true, reason: reply ? `the reply says nothing (${reply.error?.message ?? reply.outcome})` : 'no reply' };
}

/** Every case has a dependency set of its own. */
function report(cases, found) {
  const others = cases.filter(({ id }) => !found.get(id).once);
  const once = cases.length - others.length;
  const share = once / cases.length;
  console.log(`\n## Dependency sets of the corpus (${TIERS.join(' and ')}) that are evaluated once: ${once} of ${cases.length}, ${(share * 100).toFixed(1)} %\n`);
  if (others.length > 0) print(['case', 'packages', 'why not'], others.map(row(found)));
  const failures = [];
  const silent = others.filter(({ id }) => found.get(id).silent);
  if (silent.length > 0) failures.push(`${silent.length} cases have no reply that says it`);
  if (!(share >= WANTED_SHARE)) failures.push(`${once} of ${cases.length} sets are evaluated once, at least ${WANTED_SHARE * 100} % are wanted`);
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function row(found) {
  return ({ id, dependencies }) => [id, Object.keys(dependencies).join(', '), found.get(id).reason.replaceAll('|', '\\|')];
}

/** Each case by a command of its own. */
function commands() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hoist-once-'));
  const ask = (one) => new Promise((resolve) => {
    const manifest = path.join(folder, `${one.id}.json`);
    fs.writeFileSync(manifest, JSON.stringify({ dependencies: one.dependencies }));
    const args = ['run', path.join(flags.corpus, one.file), '--manifest', manifest, '--json', '--wall', WALL];
    execFile(hoist, args, { maxBuffer: 1 << 28, timeout: 120_000 }, (_, stdout) => resolve(parsed(stdout)));
  });
  return { ask, stop: () => fs.rmSync(folder, { recursive: true }) };
}

/** All cases by one service. */
async function service() {
  const child = spawn(hoist, ['serve', '--listen', '127.0.0.1:0', '--wall', WALL], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code}`)));
    child.stdout.on('data', (text) => {
      const found = String(text).match(/http:\/\/[\d.:]+/);
      if (found) resolve(found[0]);
    });
  });
  const post = async (body) => {
    const answer = await fetch(`${address}/v1/run`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return parsed(await answer.text());
  };
  const ask = async (one) => {
    const code = fs.readFileSync(path.join(flags.corpus, one.file), 'utf8');
    const body = JSON.stringify({ code, entry: path.basename(one.file), dependencies: one.dependencies, input: {} });
    await post(body);
    return post(body);
  };
  const stop = () => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM'));
  return { ask, stop };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
