// Each overflow is caught and tried again.
export default () => {
  const dive = (): number => 1 + dive();
  for (;;) {
    try {
      dive();
    } catch {
      continue;
    }
  }
};
