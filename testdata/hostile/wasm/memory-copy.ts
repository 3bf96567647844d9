// (module (memory 512) (func (export "run") (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 33554431)) (br 0))))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 0, 128, 4, 7, 7, 1, 3, 114, 117, 110, 0, 0,
  10, 22, 1, 20, 0, 3, 64, 65, 1, 65, 0, 65, 255, 255, 255, 15, 252, 10, 0, 0, 12, 0, 11, 11,
]);
export default async () => {
  const { instance } = await WebAssembly.instantiate(bytes);
  (instance.exports.run as () => void)();
};
