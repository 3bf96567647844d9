export default () => {
  const buffer = new ArrayBuffer(1 << 20);
  const kept: DataView[] = [];
  for (;;) kept.push(new DataView(buffer));
};
