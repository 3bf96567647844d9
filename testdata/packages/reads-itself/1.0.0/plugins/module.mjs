import one, { name } from './one.js';
import table from '../data/table.json' with { type: 'json' };
export { name, table };
export const same = one.name === name;
export const { filename } = import.meta;
