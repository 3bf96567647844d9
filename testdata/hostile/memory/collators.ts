export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(new Intl.Collator('zh-u-co-pinyin'), new Intl.Segmenter('th', { granularity: 'word' }));
};
