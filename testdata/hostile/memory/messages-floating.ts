// Messages to a port that nobody reads, of bytes instead of text.
export default () => {
  const { port1 } = new MessageChannel();
  for (;;) port1.postMessage(new Uint8Array(1 << 20).fill(1));
};
