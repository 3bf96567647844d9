const { port1, port2 } = new MessageChannel();
export const value = new Promise((resolve) => port2.onmessage = ({ data }) => resolve(data));
port1.postMessage('posted');
