import { readFileSync } from 'node:fs';
import 'reads-itself';

const url = new URL('./node_modules/reads-itself/data/add.wasm', import.meta.url);

export default async () => {
  const read = await WebAssembly.instantiate(readFileSync(url));
  const fetched = await WebAssembly.instantiate(await (await fetch(url)).arrayBuffer());
  const streamed = await WebAssembly.instantiateStreaming(fetch(url));
  const absent = await fetch(new URL('./nope.wasm', import.meta.url)).catch((error) => error.name);
  return [
    read.instance.exports.add(1, 2),
    fetched.instance.exports.add(1, 3),
    streamed.instance.exports.add(1, 4),
    absent,
  ];
};
