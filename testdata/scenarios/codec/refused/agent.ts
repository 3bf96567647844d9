export default (name: string) => {
  const self: any = { list: [] };
  self.list.push(new Map([[1, self]]));
  let deep: unknown = 1n;
  for (let level = 0; level < 2000; level++) deep = [deep];
  const values: Record<string, unknown> = {
    self,
    deep,
    function: () => 1,
    getter: { get a() { throw new Error('the getter'); } },
    toJSON: { toJSON() { throw new Error('the toJSON'); } },
    everNew: { toJSON() { return { next: this }; } },
    proxy: new Proxy({}, { ownKeys() { throw new Error('the proxy'); } }),
    revoked: (() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return [proxy]; })(),
    detached: (() => { const buffer = new ArrayBuffer(8); buffer.transfer(); return buffer; })(),
  };
  return values[name];
};
