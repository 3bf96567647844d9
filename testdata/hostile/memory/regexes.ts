// Compiled when they are first used, and kept with their code.
export default () => {
  const kept: RegExp[] = [];
  for (let number = 0; ; number++) {
    const regex = new RegExp(`${'(a|b)+c{1,5}'.repeat(50)}${number}`);
    regex.test('x');
    regex.test('xy');
    kept.push(regex);
  }
};
