export default () => ({
  words: [...new Intl.Segmenter('ja', { granularity: 'word' }).segment('吾輩は猫')].length > 1,
  list: new Intl.ListFormat('fr').format(['a', 'b', 'c']),
  day: Temporal.PlainDate.from('2024-02-28').add({ days: 2 }).toString(),
});
