// Each overflow is caught, and the next begins.
// (module (func $run (export "run") (call $run)))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 7, 1, 3, 114, 117, 110, 0, 0, 10, 6, 1, 4, 0, 16, 0,
  11,
]);
export default async () => {
  const { instance } = await WebAssembly.instantiate(bytes);
  for (;;) {
    try {
      (instance.exports.run as () => void)();
    } catch {
      continue;
    }
  }
};
