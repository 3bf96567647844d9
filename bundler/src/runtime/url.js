import { root } from "hoist:root";

/** A module's `import.meta.url`. */
export const url = (path) => root + path;
