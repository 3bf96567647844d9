export default () => {
  const again = (): void => process.nextTick(again);
  again();
  return new Promise((resolve) => setTimeout(resolve, 1));
};
