// Timers that the platform sets.
export default () => {
  for (;;) AbortSignal.timeout(60_000);
};
