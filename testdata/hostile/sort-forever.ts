export default () => {
  const numbers = Array.from({ length: 3e6 }, (_, index) => (index * 7919) % 1e6);
  for (;;) numbers.toSorted();
};
