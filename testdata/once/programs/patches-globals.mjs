globalThis.patched = (globalThis.patched ?? 0) + 1;
Array.prototype.last = function () { return this.at(-1); };
const { stringify } = JSON;
JSON.stringify = (value, ...rest) => stringify(value, ...rest);
Promise.prototype.then = new Proxy(Promise.prototype.then, {});
export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return [globalThis.patched++, [1, 2].last()];
};
