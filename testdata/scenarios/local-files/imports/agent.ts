import { one } from './one.ts';
import { two } from './two.js';
import { three } from './three';
import { four } from './folder';
import data from './data.json' with { type: 'json' };
import { up } from './folder/inner/up.ts';
const { lazy } = await import('./lazy.ts');
export default [one, two, three, four, data.five, up, lazy];
