export default () => {
  const one = 'e\u0301\u0323'.repeat(300_000);
  const other = 'e\u0323\u0301'.repeat(300_000);
  for (;;) one.localeCompare(other, 'de', { sensitivity: 'accent' });
};
