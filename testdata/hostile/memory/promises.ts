// Each waits for the first, which never comes.
export default () => {
  const first = new Promise(() => {});
  for (;;) void first.then(() => {});
};
