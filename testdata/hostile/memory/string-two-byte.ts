export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(`${number}\u20ac`.repeat(50_000).toUpperCase());
};
