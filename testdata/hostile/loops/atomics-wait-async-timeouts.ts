export default async () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (;;) await (Atomics as any).waitAsync(cell, 0, 0, 0).value;
};
