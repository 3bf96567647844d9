const { defineProperty } = Object;
const lie = () => {
  throw new Error('a lie');
};
const replace = (holder: object, key: PropertyKey) =>
  defineProperty(holder, key, { __proto__: null, configurable: true, get: lie, set: lie } as PropertyDescriptor);

for (const kind of [Map, Set, Date, RegExp, ArrayBuffer, Object.getPrototypeOf(Uint8Array)]) {
  for (const key of Reflect.ownKeys(kind.prototype)) if (key !== 'constructor') replace(kind.prototype, key);
}
for (const key of ['value', 'as', '$type']) replace(Object.prototype, key);
for (const [holder, key] of [[JSON, 'parse'], [Object, 'keys'], [Object, 'hasOwn'], [Array, 'isArray']] as const) replace(holder, key);

export default (input: unknown) => input;
