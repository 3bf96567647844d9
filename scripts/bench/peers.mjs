// Measures runs beside workerd's loader, bun, deno, isolated-vm and node:vm, all in one run and in turn, by the harness that
// may lie beside the checkout (--folder, HOIST_PEERS, ../shared/peers); without it nothing is measured. hoist is started as
// `hoist bench-adapter`. An adapter that runs nothing takes its turns with the others: what it takes is the harness's own, and
// is taken off all figures that are called net.
// Exits 1 when a gate is missed or hoist answers wrongly. Ratios are always judged; times only where the harness found the
// machine idle before and after.
//
//   node scripts/bench/peers.mjs [--hoist PATH] [--folder FOLDER] [--peers NAME,NAME] [--workloads NAME,NAME] [--reps N]
//     [--hot-n N] [--conc-n N] [--results FILE]      (with --results: the tables and gates of an earlier run)

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { folder, here, root } from './measure.mjs';
import { report } from './peers_report.mjs';

const { values: flags } = parseArgs({
  options: {
    hoist: { type: 'string', default: path.join(root, 'target/release/hoist') },
    folder: { type: 'string', default: process.env.HOIST_PEERS ?? path.resolve(root, '../shared/peers') },
    peers: { type: 'string', default: 'cf-workerd,bun,deno,ivm,vm' },
    workloads: { type: 'string', default: 'noop,hono-zod' },
    reps: { type: 'string', default: '15' },
    'hot-n': { type: 'string', default: '200' },
    'conc-n': { type: 'string', default: '400' },
    results: { type: 'string' },
  },
});

main();

function main() {
  if (!flags.results && !fs.existsSync(path.join(flags.folder, 'run.mjs'))) {
    console.error(`no peers in ${flags.folder}: runs are not measured beside others`);
    return;
  }
  const results = flags.results ?? measure();
  const failures = report(JSON.parse(fs.readFileSync(results, 'utf8')), flags.workloads.split(','));
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** One run of the harness; the file that it writes. */
function measure() {
  const harness = installed(path.resolve(flags.folder));
  const env = { ...process.env, PEERS_WORK: filled(harness) };
  const out = path.join(folder, 'peers.json');
  const measures = 'cold,warm,hot,concurrency,memory';
  const args = [
    path.join(here, 'peers_harness.mjs'), harness, path.resolve(flags.hoist),
    '--peers', `system,echo,${flags.peers}`, '--workloads', flags.workloads, '--measures', measures, '--conc', '1,8',
    '--conc-workloads', flags.workloads, '--reps', flags.reps, '--hot-n', flags['hot-n'], '--conc-n', flags['conc-n'], '--out', out,
  ];
  const result = spawnSync(process.execPath, args, { cwd: folder, env, stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`the harness ended with ${result.status ?? result.signal}`);
  return out;
}

/** The harness with the peers at the versions of its lock: where it is, or a copy below target/ that they are installed in. */
function installed(source) {
  if (fs.existsSync(path.join(source, 'node_modules'))) return source;
  const copy = path.join(folder, 'peers');
  const lock = fs.readFileSync(path.join(source, 'package-lock.json'), 'utf8');
  const done = path.join(copy, 'node_modules/.installed');
  fs.mkdirSync(copy, { recursive: true });
  for (const name of fs.readdirSync(source)) {
    fs.cpSync(path.join(source, name), path.join(copy, name), { recursive: true, force: true, mode: fs.constants.COPYFILE_FICLONE });
  }
  spawnSync('chmod', ['-R', 'u+w', copy]);
  if (!fs.existsSync(done) || fs.readFileSync(done, 'utf8') !== lock) {
    console.error('installing the peers');
    // Not `npm ci`: the lock names the binaries of one platform only, and npm adds the others.
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], { cwd: copy, stdio: 'inherit' });
    fs.writeFileSync(done, lock);
  }
  return copy;
}

/** Where the harness's registry has its packages, which are fetched once. */
function filled(harness) {
  const places = [process.env.PEERS_WORK, path.join(harness, '.work'), path.join(folder, 'peers-work')].filter(Boolean);
  const there = places.find((place) => fs.existsSync(path.join(place, 'registry/storage')));
  if (there) return there;
  const work = process.env.PEERS_WORK ?? path.join(folder, 'peers-work');
  console.error('filling the registry of the peers');
  const env = { ...process.env, PEERS_WORK: work };
  execFileSync(process.execPath, [path.join(harness, 'registry/prefill.mjs')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return work;
}
