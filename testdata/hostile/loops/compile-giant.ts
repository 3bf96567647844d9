// One text that takes long to parse and to compile.
export default () => {
  const text = `return [${'(x) => { let y = x + 1; return y * 2; },'.repeat(20_000)}].length`;
  for (let number = 0; ; number++) new Function(`${text} + ${number}`)();
};
