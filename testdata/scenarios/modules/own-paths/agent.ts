import { file, folder } from 'own-paths';
import { url } from 'own-paths/esm';
export default [file, folder, url];
