export default () => {
  const kept: WebAssembly.Table[] = [];
  for (;;) kept.push(new WebAssembly.Table({ element: 'externref', initial: 100_000 }));
};
