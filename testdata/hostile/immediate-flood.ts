export default () => {
  const again = (): void => void setImmediate(again);
  again();
  return new Promise(() => {});
};
