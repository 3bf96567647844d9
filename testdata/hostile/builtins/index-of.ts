// Found nowhere, looked for everywhere.
export default () => {
  const text = 'a'.repeat(1_000_000);
  const wanted = `${'a'.repeat(500_000)}b`;
  for (;;) text.lastIndexOf(wanted);
};
