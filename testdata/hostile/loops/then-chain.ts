export default () => {
  const again = (): Promise<void> => Promise.resolve().then(again);
  return again();
};
