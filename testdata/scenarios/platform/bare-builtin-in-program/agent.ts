import { createHash } from 'crypto';
import fs from 'fs';
export default [createHash('md5').update('a').digest('hex'), typeof fs.readFileSync];
