export default () => {
  const text = `${'('.repeat(5_000_000)} 2020`;
  for (;;) Date.parse(text);
};
