// Calls a function of JavaScript's for ever.
// (module (import "e" "f" (func)) (func (export "run") (loop (call 0) (br 0))))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 101, 1, 102, 0, 0, 3, 2, 1, 0, 7, 7, 1, 3, 114, 117,
  110, 0, 1, 10, 11, 1, 9, 0, 3, 64, 16, 0, 12, 0, 11, 11,
]);
export default async () => {
  const { instance } = await WebAssembly.instantiate(bytes, { e: { f: () => new Array(10) } });
  (instance.exports.run as () => void)();
};
