export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push((1n << 1_000_000n) + BigInt(number));
};
