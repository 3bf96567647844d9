export default () => {
  const kept: WebAssembly.Global[] = [];
  for (;;) kept.push(new WebAssembly.Global({ value: 'i64', mutable: true }, 1n));
};
