import { greeting, names } from 'requires-esm';
export default { greeting, names: names.filter((name) => name !== '__esModule') };
