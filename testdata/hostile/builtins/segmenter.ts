export default () => {
  const segmenter = new Intl.Segmenter('th', { granularity: 'word' });
  const text = '\u0e01\u0e32\u0e23'.repeat(300_000);
  for (;;) for (const part of segmenter.segment(text)) if (part.index < 0) return part;
};
