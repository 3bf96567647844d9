// The table doubles: the last doubling asks for much at once.
export default () => {
  const kept = new Set<number>();
  for (let number = 0.5; ; number++) kept.add(number);
};
