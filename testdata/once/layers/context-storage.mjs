import { AsyncLocalStorage } from 'node:async_hooks';
const storage = new AsyncLocalStorage();
export const value = () => storage.run('inside', async () => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return storage.getStore();
});
