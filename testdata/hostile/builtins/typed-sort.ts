export default () => {
  const numbers = new Float64Array(1_000_000).map((_, index) => (index * 7919) % 1_000_003);
  for (;;) numbers.toSorted();
};
