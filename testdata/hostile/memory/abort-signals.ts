export default () => {
  for (;;) AbortSignal.timeout(1_000_000);
};
