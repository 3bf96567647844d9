export default () => {
  const handler: ProxyHandler<object> = {
    get(_target, key) {
      throw new Error(`no ${String(key)}`);
    },
    getPrototypeOf() {
      throw new Error('no prototype');
    },
    ownKeys() {
      throw new Error('no keys');
    },
    has() {
      throw new Error('no has');
    },
  };
  throw new Proxy(new Error('inner'), handler);
};
