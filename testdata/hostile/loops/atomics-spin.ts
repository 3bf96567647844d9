export default () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (Atomics.load(cell, 0) === 0) Atomics.compareExchange(cell, 0, 1, 2);
};
