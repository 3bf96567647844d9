export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(new URL(`http://localhost/${number}`.padEnd(10_000, 'x')));
};
