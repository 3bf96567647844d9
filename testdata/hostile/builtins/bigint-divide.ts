export default () => {
  const number = (1n << 60_000_000n) - 1n;
  const divisor = (1n << 30_000_000n) - 3n;
  for (;;) number % divisor;
};
