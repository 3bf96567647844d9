export default () => {
  for (;;) queueMicrotask(() => {});
};
