// The whole stack of an error that overflowed it.
export default () => {
  Error.stackTraceLimit = 2000;
  const kept: unknown[] = [];
  const dive = (): number => 1 + dive();
  for (;;) {
    try {
      dive();
    } catch (error) {
      kept.push((error as Error).stack);
    }
  }
};
