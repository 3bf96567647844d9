// Nothing that ends a run may be caught by it.
export default () => {
  for (;;) {
    try {
      for (;;) new Array(1000).fill(1);
    } catch {
      continue;
    } finally {
      for (let number = 0; number < 1e9; number++);
    }
  }
};
