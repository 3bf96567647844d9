import source from './add.wasm';
import { add } from './add.wasm';
import * as two from './two.wasm';
import { readFileSync } from 'node:fs';
const read = new WebAssembly.Module(readFileSync(new URL('./add.wasm', import.meta.url)));
export default [add(1, 2), two.two(), source instanceof WebAssembly.Module, new WebAssembly.Instance(read).exports.add(3, 4)];
