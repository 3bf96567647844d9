export default () => {
  const kept: SharedArrayBuffer[] = [];
  for (;;) {
    const buffer = new SharedArrayBuffer(1, { maxByteLength: 1 << 24 });
    buffer.grow(1 << 24);
    new Uint8Array(buffer).fill(1);
    kept.push(buffer);
  }
};
