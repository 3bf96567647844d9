export default () => {
  const text = '\ufdfa'.repeat(500_000);
  for (;;) text.normalize('NFKD');
};
