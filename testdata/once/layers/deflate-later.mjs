import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';
export const value = inflateRawSync(await promisify(deflateRaw)('deflated')).toString();
