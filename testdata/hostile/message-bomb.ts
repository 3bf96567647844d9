// Memory that only a structured clone holds.
export default () => {
  const { port1 } = new MessageChannel();
  const text = 'x'.repeat(1 << 20);
  for (let number = 0; ; number++) port1.postMessage(text + number);
};
