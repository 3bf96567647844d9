// Every step of the loop is a trap, and the trap is the loop.
export default () => {
  let depth = 0;
  const proxy: any = new Proxy(() => {}, {
    get: (_target, key, receiver) => (depth++ % 1000 ? receiver[key] : 0),
    has: (_target, key) => key in proxy,
  });
  for (;;) {
    try {
      proxy.key;
      'key' in proxy;
    } catch {
      depth = 1;
    }
  }
};
