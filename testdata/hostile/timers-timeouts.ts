// Timers that never fire.
export default () => {
  for (;;) setTimeout(() => {}, 60_000);
};
