export default () => {
  for (;;) setImmediate(() => {});
};
