export default () => {
  const kept: ArrayBuffer[] = [];
  for (;;) kept.push(new ArrayBuffer(1 << 20).transfer(2 << 20), new Uint8Array(1 << 18).slice().buffer);
};
