export const channel = new BroadcastChannel('left');
channel.onmessage = () => {};
export const value = channel.name;
