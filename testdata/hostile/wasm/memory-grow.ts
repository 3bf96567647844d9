export default () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  for (;;) {
    memory.grow(256);
    new Uint8Array(memory.buffer).fill(1);
  }
};
