// Deeper than any stack: it is parsed or refused, and then tried again.
export default () => {
  const text = '['.repeat(3_000_000);
  for (;;) {
    try {
      JSON.parse(text);
    } catch {
      continue;
    }
  }
};
