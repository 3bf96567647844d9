export default () => {
  const value = { text: 'x'.repeat(1000), bytes: new Uint8Array(100_000) };
  const kept: object[] = [];
  for (;;) kept.push(structuredClone(value));
};
