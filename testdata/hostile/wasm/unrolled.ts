// An endless loop around a short one, which a compiler writes out.
// (module (func (export "run") (local i32) (loop (local.set 0 (i32.const 0)) (loop (br_if 0 (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 4)))) (br 0))))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 7, 1, 3, 114, 117, 110, 0, 0, 10, 30, 1, 28, 1, 1,
  127, 3, 64, 65, 0, 33, 0, 3, 64, 32, 0, 65, 1, 106, 34, 0, 65, 4, 72, 13, 0, 11, 12, 0, 11, 11,
]);
export default async () => {
  const { instance } = await WebAssembly.instantiate(bytes);
  (instance.exports.run as () => void)();
};
