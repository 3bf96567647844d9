// The clients that are measured: how each is called, what it is given, and which packages it really got.
//
// Each has a home and a cache of its own and nothing else of this machine's settings. All of them take the latest
// versions that the manifest allows (`npm ci`: those of its lock), run no scripts and ask for nothing but packages.

import fs from 'node:fs';
import path from 'node:path';

import { packagesOf, tarballOf } from './frozen.mjs';
import { folder as tools } from './measure.mjs';

const npm = path.join(tools, 'node_modules/npm/bin/npm-cli.js');
const pnpm = path.join(tools, `node_modules/@pnpm/exe.${process.platform}-${process.arch}/pnpm`);
const bun = path.join(tools, `node_modules/@oven/bun-${process.platform}-${process.arch.replace('arm64', 'aarch64')}/bin/bun`);
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];

/** Name → how to call it with a cache, whether it is given a lock, and how to see what it has. */
export function clients(hoist) {
  return {
    hoist: {
      command: (cache) => [hoist, 'prewarm', 'package.json', '--cache', cache, '--json'],
      installed: (_, stdout) => fromGraph(JSON.parse(stdout)),
      stages: (stdout) => ownStages(JSON.parse(stdout)),
    },
    'npm install': {
      command: (cache) => [process.execPath, npm, 'install', ...QUIET, '--cache', cache],
      installed: fromModules,
    },
    'npm ci': {
      locked: true,
      command: (cache) => [process.execPath, npm, 'ci', ...QUIET, '--cache', cache],
      installed: fromModules,
    },
    'pnpm install': {
      command: (cache) => [pnpm, 'install', '--ignore-scripts', '--no-frozen-lockfile', '--store-dir', path.join(cache, 'store'), '--cache-dir', path.join(cache, 'cache')],
      installed: fromModules,
    },
    'bun install': {
      command: (cache) => [bun, 'install', '--ignore-scripts', '--no-progress', '--cache-dir', cache],
      installed: fromModules,
    },
  };
}

/** The packages of a graph's lock that this machine needs, as name@version. */
export function expected(lock) {
  const fits = (list, own) => !list || list.includes(own);
  const needed = packagesOf(lock).filter(({ os, cpu }) => fits(os, process.platform) && fits(cpu, process.arch));
  return new Set(needed.map(({ name, version }) => `${name}@${version}`));
}

/** A lock as npm would have written it here: it names the tarballs of this registry. */
export function lockFor(lock, registry) {
  const packages = { '': lock.packages[''] };
  for (const one of packagesOf(lock)) packages[one.place] = { ...lock.packages[one.place], resolved: `${registry}/${one.name}/-/${tarballOf(one)}` };
  return { ...lock, packages };
}

/** What the client's environment holds. */
export function environment(home, registry) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_DATA_HOME: path.join(home, 'data'),
    XDG_STATE_HOME: path.join(home, 'state'),
    npm_config_registry: `${registry}/`,
    NO_COLOR: '1',
    DO_NOT_TRACK: '1',
  };
}

/** What `hoist prewarm` says that it took, in ms. */
function ownStages({ timings }) {
  return Object.fromEntries(timings.map(({ stage, ms }) => [stage, ms]));
}

/** Every package that `hoist prewarm` says it has. */
function fromGraph({ graph }) {
  return new Set(Object.values(graph.packages).map(({ name, version }) => `${name}@${version}`));
}

/** Every package in a `node_modules`, wherever this client puts them. */
function fromModules(project) {
  const found = new Set();
  const waiting = [path.join(project, 'node_modules')];
  for (let modules = waiting.pop(); modules; modules = waiting.pop()) {
    for (const entry of folders(modules)) {
      const inside = path.join(modules, entry);
      if (entry === '.pnpm' || entry === '.bun') waiting.push(...folders(inside).map((id) => path.join(inside, id, 'node_modules')));
      else if (entry.startsWith('@')) waiting.push(inside);
      else if (!entry.startsWith('.')) {
        const manifest = path.join(inside, 'package.json');
        if (!fs.existsSync(manifest)) continue;
        const { name, version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
        found.add(`${name}@${version}`);
        waiting.push(path.join(inside, 'node_modules'));
      }
    }
  }
  return found;
}

/** The folders in a folder: no links, so that nothing counts twice; none when it is not there. */
function folders(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
