export default () => {
  Error.prepareStackTrace = () => {
    for (;;);
  };
  throw new Error('prepared');
};
