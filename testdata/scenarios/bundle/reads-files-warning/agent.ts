import data from 'reads-data';
import esm from 'reads-data/esm';
import { file } from 'own-paths';
import umd from 'umd';
export default [data, esm, file, umd];
