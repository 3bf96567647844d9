// Few steps, each a long one inside a builtin.
export default () => {
  const number = 7n ** 2_000_000n;
  for (;;) String(number);
};
