import { AsyncLocalStorage } from 'node:async_hooks';

export default () => {
  const storages = [];
  for (let number = 0; ; number++) {
    const storage = new AsyncLocalStorage();
    storage.enterWith({ number });
    storages.push(storage);
    queueMicrotask(() => {});
  }
};
