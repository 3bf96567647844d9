export default () => {
  const kept: string[] = [];
  for (let number = 0; ; number++) kept.push(String(number).padEnd(100_000, String(number)).toUpperCase());
};
