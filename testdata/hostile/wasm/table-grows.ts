// (module (table 1 externref) (func (export "run") (loop (drop (table.grow 0 (ref.null extern) (i32.const 10000))) (br 0))))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 4, 4, 1, 111, 0, 1, 7, 7, 1, 3, 114, 117, 110, 0, 0,
  10, 19, 1, 17, 0, 3, 64, 208, 111, 65, 144, 206, 0, 252, 15, 0, 26, 12, 0, 11, 11,
]);
export default async () => {
  const { instance } = await WebAssembly.instantiate(bytes);
  (instance.exports.run as () => void)();
};
