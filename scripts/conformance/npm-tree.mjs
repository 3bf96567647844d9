// npm's own view of a lock: which packages it would install on Linux (x64, glibc), and which of them stands behind
// each dependency. Written from npm's package-lock.json documentation, and on purpose not from hoist's importer, which
// it is compared with.

const SYSTEM = { os: 'linux', cpu: 'x64', libc: 'glibc' };

/** Whether a list of npm's (`os`, `cpu`, `libc`) allows a value. */
function allows(list, value) {
  const names = [list ?? []].flat();
  if (names.includes(`!${value}`)) return false;
  const positive = names.filter((name) => !name.startsWith('!'));
  return positive.length === 0 || positive.includes(value) || positive.includes('any');
}

const isForSystem = (entry) => Object.entries(SYSTEM).every(([field, value]) => allows(entry[field], value));

/** Node's lookup from a place in the lock. */
function find(packages, from, name) {
  for (let folder = from; ; ) {
    const path = `${folder ? `${folder}/` : ''}node_modules/${name}`;
    if (packages[path]) return path;
    if (!folder) return undefined;
    const end = folder.lastIndexOf('/node_modules/');
    folder = end < 0 ? '' : folder.slice(0, end);
  }
}

const nameOf = (path, entry) => entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What an entry depends on: names, each with how much it is wanted. */
function wants(entry, isRoot) {
  const kinds = new Map();
  for (const name of Object.keys(entry.peerDependencies ?? {})) {
    kinds.set(name, entry.peerDependenciesMeta?.[name]?.optional ? 'optional-peer' : 'peer');
  }
  for (const name of Object.keys(entry.dependencies ?? {})) kinds.set(name, 'dependency');
  for (const name of Object.keys(entry.optionalDependencies ?? {})) kinds.set(name, 'optional');
  if (!isRoot) for (const name of bundled(entry)) kinds.delete(name);
  return kinds;
}

function bundled(entry) {
  const list = entry.bundleDependencies ?? entry.bundledDependencies ?? [];
  return Array.isArray(list) ? list : [];
}

/** What is asked for, without the package's own name where that is another. */
function rangeOf(entry, name) {
  const asked = entry.optionalDependencies?.[name] ?? entry.dependencies?.[name] ?? entry.peerDependencies[name];
  return asked.startsWith('npm:') ? asked.slice(asked.lastIndexOf('@') + 1) : asked;
}

/** `packages`: name@version with its entry; `edges`: "who > name" with what stands there; `ranges`: with what was asked for. */
export function npmTree(lock) {
  const { packages } = lock;
  const tree = { packages: new Map(), edges: new Map(), ranges: new Map(), optionalPeers: new Map(), unmet: [] };
  const seen = new Set(['']);
  const queue = [''];
  while (queue.length > 0) {
    const path = queue.shift();
    const entry = packages[path];
    const who = path === '' ? 'root' : `${nameOf(path, entry)}@${entry.version}`;
    for (const [name, kind] of wants(entry, path === '')) {
      const target = find(packages, path, name);
      if (!target) {
        if (kind === 'peer' || kind === 'dependency') tree.unmet.push(`${who} > ${name}`);
        continue;
      }
      const found = packages[target];
      if (kind === 'optional' && !isForSystem(found)) continue;
      if (kind === 'optional-peer') {
        // It is used where it is there; that it is there is somebody else's wish.
        tree.optionalPeers.set(`${who} > ${name}`, entry.peerDependencies[name]);
        continue;
      }
      const display = `${nameOf(target, found)}@${found.version}`;
      const edge = `${who} > ${name}`;
      tree.ranges.set(edge, rangeOf(entry, name));
      tree.edges.set(edge, (tree.edges.get(edge) ?? new Set()).add(display));
      if (seen.has(target)) continue;
      seen.add(target);
      queue.push(target);
      if (!found.inBundle) tree.packages.set(display, found);
    }
  }
  return tree;
}

/** The same of a graph of hoist's. */
export function hoistTree(graph) {
  const tree = { packages: new Map(), edges: new Map() };
  const display = (id) => `${graph.packages[id].name}@${graph.packages[id].version}`;
  const add = (who, dependencies) => {
    for (const [name, id] of Object.entries(dependencies)) {
      const edge = `${who} > ${name}`;
      tree.edges.set(edge, (tree.edges.get(edge) ?? new Set()).add(display(id)));
    }
  };
  add('root', graph.root);
  for (const [id, entry] of Object.entries(graph.packages)) {
    tree.packages.set(display(id), entry);
    add(display(id), entry.dependencies);
  }
  return tree;
}
