// node scripts/compat/paths.mjs CORPUS HOIST [ONLY]
// Runs each case of the corpus twice, on a kept layer of its packages and as one whole bundle, and compares the answers.
// A case that cannot be linked to a layer counts as a failure here. The exit code is 0 when all agree.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [corpus, hoist, only] = process.argv.slice(2);
const wanted = only ? new Set(only.split(',')) : null;
const index = JSON.parse(fs.readFileSync(path.join(corpus, 'index.json'), 'utf8'));
const cases = index.cases.filter((c) => c.tier !== 'reject' && (!wanted || wanted.has(c.id)));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hoist-paths-'));

/** The reply of one run, with what must be the same on both paths. */
function run(c, flags) {
  const manifest = path.join(folder, `${c.id}.json`);
  fs.writeFileSync(manifest, JSON.stringify({ dependencies: c.dependencies }));
  const args = ['run', path.join(corpus, c.file), '--manifest', manifest, '--json', '--wall', '60s', ...flags];
  return new Promise((resolve) => {
    execFile(hoist, args, { maxBuffer: 1 << 28, timeout: 120_000 }, (error, stdout) => {
      try {
        const reply = JSON.parse(stdout);
        const { outcome, value, error: failure, logs } = reply;
        const same = { outcome, value, failure: failure?.message, logs: logs.map((line) => [line.level, line.text]) };
        resolve({ same: JSON.stringify(same), path: reply.path, reason: reply.path_reason });
      } catch {
        resolve({ same: `no reply: ${error?.message}` });
      }
    });
  });
}

let agreed = 0;
const failures = [];
async function worker() {
  for (let c = cases.shift(); c; c = cases.shift()) {
    const layered = await run(c, []);
    const whole = await run(c, ['--whole']);
    if (layered.path !== 'layer') failures.push(`${c.id}: not linked: ${layered.reason ?? layered.same}`);
    else if (layered.same !== whole.same) failures.push(`${c.id}: they differ:\n  ${layered.same.slice(0, 500)}\n  ${whole.same.slice(0, 500)}`);
    else agreed += 1;
  }
}
await Promise.all([worker(), worker()]);
fs.rmSync(folder, { recursive: true });
for (const failure of failures.sort()) console.log(failure);
console.log(`${agreed} agree, ${failures.length} do not`);
process.exitCode = failures.length ? 1 : 0;
