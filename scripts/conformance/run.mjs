// Resolves every manifest of testdata/conformance with npm and with hoist, and compares who gets which version.
//
// usage: node scripts/conformance/run.mjs HOIST [TEXT]      (TEXT: only manifests whose name holds it)
//
// Leaves the machine: both ask the registry that npm is configured with. Passes when at least 98 % of all name@version
// are the same, every other one falls under a rule of rules.mjs, and npm's own lock, given to hoist, means the same tree
// as to npm.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { hoistTree, npmTree } from './npm-tree.mjs';
import { RULES, explain } from './rules.mjs';

const AT_ONCE = 2;
const NEEDED = 0.98;
/** How long one command may take, in milliseconds. */
const PATIENCE = 600_000;
/** What is younger is taken by neither, so that both see the same versions. */
const AGE = 24 * 60 * 60 * 1000;

const here = path.dirname(fileURLToPath(import.meta.url));
const manifests = path.join(here, '../../testdata/conformance');
const [hoist, text = ''] = process.argv.slice(2);
if (!hoist) throw new Error('usage: run.mjs HOIST [TEXT]');
const binary = path.resolve(hoist);
const place = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
const before = new Date(Date.now() - AGE).toISOString();

const run = async (command, args, options = {}) => {
  const given = { timeout: PATIENCE, maxBuffer: 1 << 28, ...options };
  return (await promisify(execFile)(command, args, given)).stdout;
};
const first = async (command, args) => (await run(command, args)).trim();

/** Who is npm, where, and what it is to take itself for. */
async function npmFacts() {
  const root = await first('npm', ['root', '--global']);
  fs.writeFileSync(path.join(place, 'version.mjs'), 'export default process.version;\n');
  const version = JSON.parse(await first(binary, ['run', path.join(place, 'version.mjs')]));
  const registry = await first('npm', ['config', 'get', 'registry']);
  return { semver: createRequire(path.join(root, 'npm/package.json'))('semver'), version, registry };
}

async function compare(name, facts) {
  const folder = path.join(place, name);
  fs.mkdirSync(folder);
  fs.copyFileSync(path.join(manifests, `${name}.json`), path.join(folder, 'package.json'));
  const environment = {
    ...process.env,
    HOIST_CACHE: path.join(folder, 'cache'),
    npm_config_registry: facts.registry,
    NODE_OPTIONS: `--require ${path.join(here, 'as-node.cjs')}`,
    CONFORMANCE_NODE_VERSION: facts.version,
  };
  const resolve = async (...rest) =>
    JSON.parse(await run(binary, ['resolve', 'package.json', '--json', ...rest], { cwd: folder, env: environment }));
  const npmWould = async () => {
    const quiet = ['--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    fs.rmSync(path.join(folder, 'package-lock.json'), { force: true });
    await run('npm', ['install', ...quiet, `--before=${before}`], { cwd: folder, env: environment });
    return npmTree(JSON.parse(fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8')));
  };
  const ours = hoistTree(await resolve());
  const npm = await npmWould();
  const imported = hoistTree(await resolve('--lock', 'package-lock.json', '--frozen'));
  let differences = explain(npm, ours, facts.semver);
  if (differences.some(({ rule }) => !rule)) {
    const passedOver = await pinPassedOver(folder, differences, facts);
    const again = passedOver > 0 ? explain(await npmWould(), ours, facts.semver) : differences;
    if (again.every(({ rule }) => rule)) {
      differences = differences.map((difference) => ({ ...difference, rule: difference.rule ?? 'engines-are-not-asked' }));
    }
  }
  fs.rmSync(folder, { recursive: true });
  return { name, npm, ours, misread: misread(npm, imported), differences };
}

/** Tells npm to take the versions of hoist's that it passed over for their engines. Gives back how many there are. */
async function pinPassedOver(folder, differences, { semver, version }) {
  const file = path.join(folder, 'package.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  let count = 0;
  for (const { package: one, only } of differences) {
    if (only !== 'hoist') continue;
    const [name, exact] = [one.slice(0, one.lastIndexOf('@')), one.slice(one.lastIndexOf('@') + 1)];
    const engines = JSON.parse((await first('npm', ['view', one, 'engines', '--json'])) || '{}');
    if (!engines.node || semver.satisfies(version, engines.node, { includePrerelease: true })) continue;
    count += 1;
    if (manifest.dependencies?.[name]) manifest.dependencies[name] = exact;
    else (manifest.overrides ??= {})[name] = exact;
  }
  fs.writeFileSync(file, JSON.stringify(manifest));
  return count;
}

/** What npm's lock means to npm and not to hoist, or the other way around. */
function misread(npm, imported) {
  const differences = [];
  const missing = (one, other, what) => {
    for (const [edge, found] of one.edges) {
      for (const target of found) if (!other.edges.get(edge)?.has(target)) differences.push(`${what}: ${edge} is ${target}`);
    }
  };
  missing(npm, imported, 'not read');
  for (const one of imported.packages.keys()) if (!npm.packages.has(one)) differences.push(`only read: ${one}`);
  // A package in a tarball of another is no edge of ours.
  const bundled = new Set([...npm.edges.values()].flatMap((found) => [...found]).filter((one) => !npm.packages.has(one)));
  return differences.filter((difference) => ![...bundled].some((one) => difference.endsWith(` is ${one}`)));
}

function report({ name, npm, ours, misread, differences }) {
  const same = [...npm.packages.keys()].filter((one) => ours.packages.has(one)).length;
  const all = same + differences.length;
  console.log(`${name}: ${same} of ${all} the same`);
  for (const { package: one, only, rule, askedBy } of differences) {
    console.log(`  only ${only}: ${one}  [${rule ?? 'UNEXPLAINED'}]  ${askedBy.slice(0, 2).join('; ')}`);
  }
  for (const line of misread) console.log(`  npm's lock, ${line}`);
  return { same, all, failed: misread.length > 0 || differences.some(({ rule }) => !rule) };
}

const facts = await npmFacts();
const names = fs.readdirSync(manifests).map((file) => path.basename(file, '.json')).filter((name) => name.includes(text));
if (names.length === 0) throw new Error(`no manifest's name holds ${text}`);
const waiting = [...names];
const total = { same: 0, all: 0, failed: [] };
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let name; (name = waiting.shift()); ) {
      try {
        const { same, all, failed } = report(await compare(name, facts));
        total.same += same;
        total.all += all;
        if (failed) total.failed.push(name);
      } catch (error) {
        console.log(`${name}: ${error.message}\n${error.stderr ?? ''}`);
        total.failed.push(name);
      }
    }
  }),
);
fs.rmSync(place, { recursive: true });
for (const [rule, sentence] of Object.entries(RULES)) console.log(`\n[${rule}] ${sentence}`);
const share = total.same / total.all;
console.log(`\n${names.length} manifests, ${total.same} of ${total.all} name@version the same: ${(100 * share).toFixed(2)} %`);
if (total.failed.length > 0) console.log(`failed: ${total.failed.join(', ')}`);
process.exitCode = share >= NEEDED && total.failed.length === 0 ? 0 : 1;
