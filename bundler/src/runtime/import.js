// Where `import(...)` of an expression and `import.meta.resolve` lead, seen from the module that says it.
import { createRequire, isBuiltin } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import "hoist:require";
import { root, beside } from "hoist:root";

const relative = /^\.{0,2}\//;
const absolute = /^[a-z][a-z\d+.-]*:/i;

/** For `import.meta.resolve`. */
export const resolver = (path) => (specifier) => {
  const url = root + path;
  const text = `${specifier}`;
  if (relative.test(text)) return new URL(text, url).href;
  if (isBuiltin(text)) return text.startsWith("node:") ? text : `node:${text}`;
  if (absolute.test(text)) return new URL(text).href;
  return pathToFileURL(createRequire(url).resolve(text)).href;
};

/** For `import(...)`. What cannot be found is left to it to refuse. */
export const target = (path) => (specifier) => {
  const url = root + path;
  try {
    const text = `${specifier}`;
    if (relative.test(text)) return new URL(text, url).href;
    if (isBuiltin(text) || absolute.test(text)) return text;
    const file = createRequire(url).resolve(text);
    // The root's own packages are found from the bundle too, and with the conditions of an import.
    const top = fileURLToPath(`${root}node_modules/`);
    const nested = !file.startsWith(top) || /[\\/]node_modules[\\/]/.test(file.slice(top.length));
    return beside && !nested ? text : pathToFileURL(file).href;
  } catch {
    return specifier;
  }
};
