// A module with a function whose body is eight megabytes of additions.
const number = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)]);
export default async () => {
  const body = [0, 65, 0, ...new Array(2_000_000).fill([65, 1, 106]).flat(), 26, 11];
  const code = [1, ...number(body.length)];
  const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, ...number(code.length + body.length), ...code];
  await WebAssembly.compile(new Uint8Array(head.concat(body)));
  return 'compiled';
};
