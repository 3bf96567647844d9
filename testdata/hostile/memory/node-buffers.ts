export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(Buffer.allocUnsafe(1 << 16).fill(number));
};
