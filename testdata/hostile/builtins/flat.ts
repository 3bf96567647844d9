// An array that holds itself is never flat.
export default () => {
  const array: unknown[] = [1];
  array.push(array, array);
  for (;;) {
    try {
      array.flat(Infinity);
    } catch {
      continue;
    }
  }
};
