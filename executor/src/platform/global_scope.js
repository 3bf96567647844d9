// What node:console reads of Deno's own runtime, under the name it has there.
export const windowOrWorkerGlobalScope = { console: { value: globalThis.console } };
