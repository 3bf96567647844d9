export default () => {
  const text = 'x'.repeat(1 << 20);
  const kept: Blob[] = [];
  for (let number = 0; ; number++) kept.push(new Blob([text, String(number)]));
};
