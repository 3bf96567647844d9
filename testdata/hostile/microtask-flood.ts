export default () => {
  const again = (): void => queueMicrotask(again);
  again();
  return new Promise((resolve) => setTimeout(resolve, 1));
};
