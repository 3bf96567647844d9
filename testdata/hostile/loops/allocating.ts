// Optimised on another thread, this loop loses the check by which an engine is asked to stop.
export default () => {
  for (;;) new Array(1000).fill(1);
};
