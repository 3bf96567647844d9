export default () => {
  const kept: WebAssembly.Memory[] = [];
  for (;;) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true });
    memory.grow(255);
    new Uint8Array(memory.buffer).fill(1);
    kept.push(memory);
  }
};
