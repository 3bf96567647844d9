import { fileURLToPath } from "node:url";
import { root } from "hoist:root";

/** A module's `__filename`. */
export const file = (path) => fileURLToPath(root + path);

/** A module's `__dirname`. */
export const folder = (path) => {
  const found = fileURLToPath(root + path.slice(0, Math.max(path.lastIndexOf("/"), 0)));
  return found.replace(/(.)[\\/]$/, "$1");
};
