import { createRequire } from 'node:module';
globalThis.first = createRequire(import.meta.url)(['spe', 'aks'].join(''));
