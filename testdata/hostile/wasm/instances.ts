// Each has a memory of its own, and a reservation around it.
// (module (memory 1) (func (export "run")))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 7, 1, 3, 114, 117, 110, 0, 0, 10, 4,
  1, 2, 0, 11,
]);
export default () => {
  const module = new WebAssembly.Module(bytes);
  const kept: WebAssembly.Instance[] = [];
  for (;;) kept.push(new WebAssembly.Instance(module));
};
