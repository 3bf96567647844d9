export default () => {
  for (;;) setTimeout(() => {}, 1_000_000_000);
};
