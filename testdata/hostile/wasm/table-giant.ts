// The largest that there is, at once.
export default () => {
  const kept: WebAssembly.Table[] = [];
  for (;;) kept.push(new WebAssembly.Table({ element: 'externref', initial: 9_999_999 }));
};
