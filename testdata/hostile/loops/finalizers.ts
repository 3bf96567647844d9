// What is collected is replaced by what will be.
export default () => {
  const registry = new FinalizationRegistry((number: number) => registry.register({ number }, number));
  for (let number = 0; number < 1000; number++) registry.register({ number }, number);
  const again = (): void => {
    new Array(100_000).fill({});
    setImmediate(again);
  };
  again();
  return new Promise(() => {});
};
