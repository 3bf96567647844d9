export default () => {
  const text = '\u20ac'.repeat(5_000_000);
  const encoder = new TextEncoder();
  for (;;) encoder.encode(text);
};
