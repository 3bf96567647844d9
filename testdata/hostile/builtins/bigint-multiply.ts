export default () => {
  const number = (1n << 100_000_000n) - 1n;
  for (;;) number * number;
};
