export default (name: string) => {
  let doubled: unknown = 'x';
  for (let level = 0; level < 200; level++) doubled = [doubled, doubled];
  const growing = new Map<unknown, unknown>();
  growing.set(0, { toJSON: () => { add(); return 1; } });
  const add = (): unknown => growing.set(growing.size, { toJSON: () => { add(); return 1; } });
  const values: Record<string, unknown> = {
    doubled,
    growing,
    endless: new Proxy([], { get: (_target, key) => (key === 'length' ? 2 ** 53 - 1 : key === 'toJSON' ? undefined : 1) }),
    bytes: new Uint8Array(50 << 20),
    text: 'x'.repeat(50 << 20),
    many: new Array(5e7),
  };
  return values[name];
};
