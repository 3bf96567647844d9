const { defineProperty } = Object;
const { ownKeys } = Reflect;
const everything = Object.prototype;
const lie = () => {
  throw new Error('a lie');
};
const replace = (holder: object, key: PropertyKey) => {
  try {
    defineProperty(holder, key, { __proto__: null, configurable: true, get: lie, set: lie } as PropertyDescriptor);
  } catch {
    // Some cannot be replaced.
  }
};

const typedArray = Object.getPrototypeOf(Uint8Array);
const iterators = [[].values(), new Map().values(), new Set().values(), ''[Symbol.iterator]()].map(Object.getPrototypeOf);
const kinds = [Map, Set, Date, Array, String, Number, BigInt, RegExp, ArrayBuffer, DataView, Uint8Array, typedArray, Promise];
const prototypes = [...kinds.map((kind) => kind.prototype), ...iterators];
const names = ['Map', 'Set', 'Date', 'BigInt', 'Uint8Array', 'TypeError', 'Buffer', 'JSON', 'Object', 'Reflect'];
const inherited = ['value', 'as', '$type', 'measured', '0', '1', '2', 'get', 'set', 'writable', 'enumerable'];

export default (input: unknown) => {
  const value = { input, map: new Map([[1n, new Set([new Date(0)])]]), bytes: new Uint8Array([1]), list: [NaN], text: 'x' };
  const statics: [object, string[]][] = [
    [JSON, ['stringify', 'parse']],
    [Object, ['keys', 'is', 'hasOwn']],
    [Reflect, ['apply', 'get', 'ownKeys']],
    [Array, ['isArray']],
  ];
  for (let index = 0; index < statics.length; index++) {
    for (let key = 0; key < statics[index][1].length; key++) replace(statics[index][0], statics[index][1][key]);
  }
  for (let index = 0; index < prototypes.length; index++) {
    const keys = ownKeys(prototypes[index]);
    for (let key = 0; key < keys.length; key++) if (keys[key] !== 'constructor') replace(prototypes[index], keys[key]);
  }
  for (let index = 0; index < names.length; index++) replace(globalThis, names[index]);
  for (let index = 0; index < inherited.length; index++) replace(everything, inherited[index]);
  return value;
};
