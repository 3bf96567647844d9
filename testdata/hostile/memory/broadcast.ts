export default () => {
  const channels = Array.from({ length: 50 }, () => new BroadcastChannel('flood'));
  for (;;) channels[0]!.postMessage('x'.repeat(100_000));
};
