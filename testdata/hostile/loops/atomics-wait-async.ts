export default () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return (Atomics as any).waitAsync(cell, 0, 0).value;
};
