export default () => {
  let value: unknown[] = [];
  for (let level = 0; level < 1_000_000; level++) value = [value];
  for (;;) {
    try {
      JSON.stringify(value);
    } catch {
      continue;
    }
  }
};
