export default () => {
  const kept: ArrayBuffer[] = [];
  for (;;) {
    const buffer = new ArrayBuffer(0, { maxByteLength: 1 << 24 });
    buffer.resize(1 << 24);
    new Uint8Array(buffer).fill(1);
    kept.push(buffer);
  }
};
