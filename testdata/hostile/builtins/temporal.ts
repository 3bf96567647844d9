export default () => {
  const { Temporal } = globalThis as any;
  const start = Temporal.PlainDateTime.from('-271821-04-20T00:00');
  const end = Temporal.PlainDateTime.from('+275760-09-13T00:00');
  for (;;) start.until(end, { largestUnit: 'months', smallestUnit: 'days' });
};
