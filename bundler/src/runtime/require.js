// The bundle's CommonJS modules and the loader's are the same: what the loader is asked for and the bundle holds, the
// bundle's code makes; what the bundle makes, the loader finds in its cache. Nothing is evaluated before it is wanted.
import Module, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { __hoist } from "\0rolldown/runtime.js";
import { root } from "hoist:root";

const folder = fileURLToPath(root);
const foreign = folder.includes("\\");
const fileOf = (name) => folder + (foreign ? name.replaceAll("/", "\\") : name);
const nameOf = (file) => (foreign ? file.slice(folder.length).replaceAll("\\", "/") : file.slice(folder.length));

/** Makes of what the bundle calls a module one that the loader knows. */
function begun(name, module) {
  const filename = fileOf(name);
  if (!(module instanceof Module)) {
    const path = filename.slice(0, filename.length - name.length + name.lastIndexOf("/"));
    Object.setPrototypeOf(module, Module.prototype);
    Object.assign(module, { id: filename, path, filename, loaded: true, children: [] });
    module.paths = Module._nodeModulePaths(path);
  }
  Module._cache[filename] = module;
}

__hoist.begun = begun;
__hoist.known = (name) => Module._cache[fileOf(name)];
__hoist.failed = (name, module) => {
  const filename = fileOf(name);
  if (Module._cache[filename] === module) delete Module._cache[filename];
};
for (const [name, entry] of __hoist.modules) {
  if (entry.module) begun(name, entry.module);
}

const loaders = { __proto__: null };
for (const extension of [".js", ".cjs", ".json"]) {
  const load = Module._extensions[extension];
  if (!load) continue;
  loaders[extension] = load;
  Module._extensions[extension] = function (module, filename) {
    const entry = filename.startsWith(folder) ? __hoist.modules.get(nameOf(filename)) : undefined;
    // One that was deleted from the cache is wanted anew.
    if (!entry || entry.module) return load.call(this, module, filename);
    entry.load(module);
  };
}

/** A module's own `require`. */
export const own = (path) => createRequire(root + path);

/** Loads a module that cannot be part of a bundle, from its file, into `module`. */
export function outside(module) {
  const extension = module.filename.slice(module.filename.lastIndexOf("."));
  (loaders[extension] ?? loaders[".js"])(module, module.filename);
}
