// Two ports that never leave each other alone.
export default () => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => port1.postMessage(data);
  port2.onmessage = ({ data }) => port2.postMessage(data);
  for (let number = 0; number < 10; number++) port1.postMessage(number);
  return new Promise(() => {});
};
