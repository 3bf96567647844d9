export default () => {
  const kept = new Map<object, number>();
  for (let number = 0; ; number++) kept.set({ number }, number);
};
