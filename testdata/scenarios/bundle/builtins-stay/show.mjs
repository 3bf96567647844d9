import { readFileSync } from 'node:fs';
import value from './out.js';
const text = readFileSync('./out.js', 'utf8');
const builtins = [...text.matchAll(/from\s*["'](node:[a-z]+)["']/g)].map((match) => match[1]).sort();
console.log(JSON.stringify({ builtins: [...new Set(builtins)], value }));
