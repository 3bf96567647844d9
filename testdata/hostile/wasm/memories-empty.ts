// Nothing in them, yet each reserves gigabytes of addresses.
export default () => {
  const kept: WebAssembly.Memory[] = [];
  for (;;) {
    try {
      kept.push(new WebAssembly.Memory({ initial: 0, maximum: 65_536 }));
    } catch {
      continue;
    }
  }
};
