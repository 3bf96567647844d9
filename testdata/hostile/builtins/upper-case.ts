export default () => {
  const text = '\u00df'.repeat(5_000_000);
  for (;;) text.toLocaleUpperCase('tr');
};
