// Marks in the wrong order have to be sorted.
export default () => {
  const text = `a${'\u0301\u0323'.repeat(500_000)}`;
  for (;;) text.normalize('NFD');
};
