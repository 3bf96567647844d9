export default () => {
  const value = Object.fromEntries(Array.from({ length: 300_000 }, (_, index) => [`key ${index}`, index]));
  for (;;) Object.freeze({ ...value });
};
