export default () => {
  const again = (): void => {
    setTimeout(again, 0);
    setTimeout(again, 0);
  };
  again();
  return new Promise(() => {});
};
