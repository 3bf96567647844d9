import fs from 'fs';
import { join } from 'node:path';
export default [typeof fs.readFileSync, join('a', 'b')];
