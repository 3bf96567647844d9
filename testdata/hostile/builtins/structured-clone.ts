export default () => {
  const value = Array.from({ length: 300_000 }, (_, index) => ({ index, text: `text ${index}` }));
  for (;;) structuredClone(value);
};
