// Sleeps where nobody can wake it, and again.
export default () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      Atomics.wait(cell, 0, 0, 100);
    } catch {
      continue;
    }
  }
};
