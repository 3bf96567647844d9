// How many of the corpus's dependency sets (tiers core and node) are evaluated once, in a zygote, for all runs that import
// them. Lists the others with the reason that the reply gives. Exits 1 when they are less than the share that is wanted,
// when a case has no reply that says it, and when an answer is not the expected one.
//
//   node scripts/bench/once.mjs [--hoist PATH] [--corpus FOLDER] [--only ID,ID]
//
// One service is sent each case until the reply says that the whole program is evaluated once, or why it is not: a program that
// comes again has a zygote of its own, made while others are answered.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';

import { print, root } from './measure.mjs';

const WANTED_SHARE = 0.9;
const TIERS = ['core', 'node'];
const WALL = '60s';
const AT_ONCE = 2;
/** How often a case is sent until its program has come often enough and its zygote is made. */
const MOST_RUNS = 30;
const PAUSE_MS = 100;

const { values: flags } = parseArgs({
  options: {
    hoist: { type: 'string', default: path.join(root, 'target/release/hoist') },
    corpus: { type: 'string', default: process.env.HOIST_COMPAT ?? path.resolve(root, '../shared/compat') },
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
  const asker = await service();
  const found = new Map();
  try {
    const left = [...cases];
    const worker = async () => {
      for (let one = left.shift(); one; one = left.shift()) found.set(one.id, await outcome(asker, one));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await asker.stop();
  }
  report(cases, found);
}

/** What the replies say of a case's packages: once or not, and why; and which answer was not the expected one. */
async function outcome(asker, one) {
  const expected = parsed(fs.readFileSync(path.join(flags.corpus, one.expected), 'utf8'));
  const runs = { program: '' };
  for (let run = 0; run < MOST_RUNS; run++) {
    const reply = await asker.ask(one);
    if (!reply?.evaluated) return { once: false, silent: true, reason: `the reply says nothing (${reply?.error?.message ?? reply?.outcome ?? 'no reply'})` };
    const { once, reason } = reply.evaluated;
    const isOnce = once === 'program' || once === 'layer' && reply.path === 'layer';
    Object.assign(runs, { once: isOnce, reason: [reason, reply.path_reason].filter(Boolean).join('; '), program: once === 'program' ? 'program' : reason ?? '' });
    if (!isDeepStrictEqual(reply.value ?? null, expected)) runs.wrong ??= `run ${run + 1} (${once}): ${JSON.stringify(reply.error ?? reply.value)?.slice(0, 300)}`;
    if (run > 0 && (once === 'program' || reason)) {
      // What comes after the first that is known must be the same.
      if (runs.known) break;
      runs.known = true;
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return runs;
}

/** Every case has a dependency set of its own. */
function report(cases, found) {
  const others = cases.filter(({ id }) => !found.get(id).once);
  const once = cases.length - others.length;
  const share = once / cases.length;
  console.log(`\n## Dependency sets of the corpus (${TIERS.join(' and ')}) that are evaluated once: ${once} of ${cases.length}, ${(share * 100).toFixed(1)} %\n`);
  if (others.length > 0) print(['case', 'packages', 'why not'], others.map(row(found)));
  const programs = cases.filter(({ id }) => found.get(id).program === 'program').length;
  console.log(`\n${programs} of the ${cases.length} programs are evaluated once when they come again.`);
  const failures = [];
  for (const { id } of cases.filter(({ id }) => found.get(id).wrong)) failures.push(`${id}: ${found.get(id).wrong}`);
  const silent = others.filter(({ id }) => found.get(id).silent);
  if (silent.length > 0) failures.push(`${silent.length} cases have no reply that says it`);
  if (!(share >= WANTED_SHARE)) failures.push(`${once} of ${cases.length} sets are evaluated once, at least ${WANTED_SHARE * 100} % are wanted`);
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function row(found) {
  return ({ id, dependencies }) => [id, Object.keys(dependencies).join(', '), found.get(id).reason.replaceAll('|', '\\|')];
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
  const ask = async (one) => {
    const code = fs.readFileSync(path.join(flags.corpus, one.file), 'utf8');
    const body = JSON.stringify({ code, entry: path.basename(one.file), dependencies: one.dependencies, input: {} });
    const answer = await fetch(`${address}/v1/run`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return parsed(await answer.text());
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
