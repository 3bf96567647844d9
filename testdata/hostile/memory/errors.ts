export default () => {
  Error.stackTraceLimit = 200;
  const kept: Error[] = [];
  const dive = (depth: number): void => void (depth > 0 ? dive(depth - 1) : kept.push(new Error(`depth ${depth}`)));
  for (;;) dive(200);
};
