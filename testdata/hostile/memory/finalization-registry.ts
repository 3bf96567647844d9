export default () => {
  const registry = new FinalizationRegistry(() => {});
  const target = {};
  for (let number = 0; ; number++) registry.register(target, { number }, target);
};
