export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(Symbol(`number ${number}`));
};
