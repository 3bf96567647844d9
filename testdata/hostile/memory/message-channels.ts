export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(new MessageChannel());
};
