// What the loopback registry serves: packuments and tarballs of the configured registry as they were on one day.
//
// Each is asked for once, by npm's own library; documents are cut down to the versions that were published by then, and
// all is kept in a folder, so that every client resolves alike on any day and without a network. The abbreviated form is
// made here, as npm's registry makes it, since not every registry has one.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { folder as tools } from './measure.mjs';

/** Versions that are younger do not exist here. */
export const FROZEN = '2026-11-01T00:00:00.000Z';
/** Stands for the address of whoever serves in the documents that are kept. */
export const ADDRESS = 'http://registry.invalid/';
/** A registry that has not answered by then is not there. */
const UPSTREAM_TIMEOUT_MS = 120_000;
/** Requests at once to the configured registry. */
const CONCURRENT = 8;
/** What npm's registry leaves of a version for those who only install (package-metadata.md, "Abbreviated version object"). */
const ABBREVIATED = [
  ...['name', 'version', 'deprecated', 'dependencies', 'optionalDependencies', 'devDependencies', 'bundleDependencies'],
  ...['peerDependencies', 'peerDependenciesMeta', 'bin', 'directories', 'dist', 'engines', 'os', 'cpu', 'libc'],
  ...['_hasShrinkwrap', 'hasInstallScript', 'funding'],
];

const gzip = promisify(zlib.gzip);

/** The packages of npm's lock: where they are installed, and what they are. */
export function packagesOf(lock) {
  const entries = Object.entries(lock.packages).filter(([place]) => place);
  return entries.map(([place, entry]) => ({ place, name: entry.name ?? place.replace(/.*node_modules\//, ''), ...entry }));
}

/** The name of a package's tarball. */
export function tarballOf({ name, version }) {
  return `${name.replace(/.*\//, '')}-${version}.tgz`;
}

/** The version in a tarball's name. */
export function versionOf(name, base) {
  return base.slice(name.replace(/.*\//, '').length + 1, -'.tgz'.length);
}

export class Frozen {
  #folder;
  #npm;
  #options;
  #sealed = false;
  #running = new Map();

  /** Keeps what `upstream` has in `folder`; npm must be installed. */
  constructor(folder, upstream) {
    this.#npm = createRequire(path.join(tools, 'node_modules/npm/package.json'))('pacote');
    this.#folder = path.join(folder, FROZEN.slice(0, 10));
    this.#options = { registry: upstream, fullMetadata: true, timeout: UPSTREAM_TIMEOUT_MS };
  }

  /** Has everything that a lock names, whatever else clients will ask for. */
  async fill(lock) {
    const waiting = packagesOf(lock);
    const worker = async () => {
      for (let one = waiting.pop(); one; one = waiting.pop()) {
        await this.packument(one.name, 'full');
        await this.tarball(one.name, tarballOf(one));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, worker));
  }

  /** From now on there is only what has been asked for before. */
  seal() {
    this.#sealed = true;
  }

  /** The gzipped text of a packument, `full` or `abbreviated`; null when there is no such package. */
  packument(name, form) {
    const file = (form) => path.join(this.#folder, 'packuments', `${encodeURIComponent(name)}.${form}.json.gz`);
    return this.#kept(file(form), `packument ${name}`, async () => {
      const document = cut(await this.#npm.packument(name, this.#options), name);
      write(file('abbreviated'), await gzip(JSON.stringify(abbreviated(document))));
      write(file('full'), await gzip(JSON.stringify(document)));
    });
  }

  /** The bytes of a tarball, verified when they came; null when there is none. */
  tarball(name, base) {
    const file = path.join(this.#folder, 'tarballs', encodeURIComponent(name), base);
    const wanted = `${name}@${versionOf(name, base)}`;
    return this.#kept(file, file, async () => write(file, await this.#npm.tarball(wanted, this.#options)));
  }

  /** A file, which `make` makes when there is none yet: once, however many wait for it. */
  async #kept(file, key, make) {
    if (!fs.existsSync(file)) {
      if (this.#sealed) return null;
      if (!this.#running.has(key)) this.#running.set(key, make().finally(() => this.#running.delete(key)));
      try {
        await this.#running.get(key);
      } catch (error) {
        if (error.code === 'E404' || error.code === 'ETARGET') return null;
        throw error;
      }
    }
    return fs.promises.readFile(file);
  }
}

/** A packument as it was on the day: its younger versions left out, its tags on what is left, its tarballs with us. */
function cut(document, name) {
  const times = Object.entries(document.time ?? {}).filter(([key, time]) => key !== 'modified' && time <= FROZEN);
  const old = new Set(times.map(([version]) => version));
  const versions = Object.entries(document.versions).filter(([version]) => old.has(version) || !document.time);
  for (const [, { dist }] of versions) dist.tarball = `${ADDRESS}${name}/-/${path.posix.basename(new URL(dist.tarball).pathname)}`;
  const kept = Object.fromEntries(versions);
  const tags = Object.entries(document['dist-tags']).filter(([, version]) => kept[version]);
  const modified = times.map(([, time]) => time).sort().at(-1) ?? FROZEN;
  return {
    ...Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith('_') || key === '_id')),
    'dist-tags': { latest: newest(Object.keys(kept)), ...Object.fromEntries(tags) },
    versions: kept,
    time: { modified, ...Object.fromEntries(times) },
  };
}

/** What is enough to install. */
function abbreviated(document) {
  const short = ([version, whole]) => {
    const hasInstallScript = ['preinstall', 'install', 'postinstall'].some((script) => whole.scripts?.[script]) || undefined;
    const fields = ABBREVIATED.map((field) => [field, { hasInstallScript, ...whole }[field]]);
    return [version, Object.fromEntries(fields.filter(([, value]) => value !== undefined))];
  };
  const versions = Object.fromEntries(Object.entries(document.versions).map(short));
  return { name: document.name, modified: document.time.modified, 'dist-tags': document['dist-tags'], versions };
}

/** The greatest version that is no prerelease: what `latest` most likely was. */
function newest(versions) {
  const stable = versions.filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  const order = (left, right) => left.localeCompare(right, 'en', { numeric: true });
  return stable.sort(order).at(-1) ?? versions.at(-1);
}

/** Whole or not at all. */
function write(file, bytes) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.part`, bytes);
  fs.renameSync(`${file}.part`, file);
}
