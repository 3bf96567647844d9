import cjs from 'reads-data';
import esm from 'reads-data/esm';
export default [cjs, esm];
