export default () => {
  for (;;) process.nextTick(() => {});
};
