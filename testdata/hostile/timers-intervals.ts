// Timers that hold nothing back, so that only their number is a burden.
export default () => {
  for (;;) setInterval(() => {}, 60_000).unref();
};
