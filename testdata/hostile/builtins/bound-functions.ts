export default () => {
  let bound: any = () => 1;
  for (let level = 0; level < 300_000; level++) bound = bound.bind(null);
  for (;;) {
    try {
      bound();
    } catch {
      continue;
    }
  }
};
