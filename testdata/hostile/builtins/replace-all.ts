export default () => {
  const text = 'ab'.repeat(1_000_000);
  for (;;) text.replaceAll('a', '$&$&$&');
};
