export default () => {
  let array: unknown[] = [1];
  for (;;) array = [...array, ...array];
};
