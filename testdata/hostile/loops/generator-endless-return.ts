export default () => {
  function* endless() {
    try {
      yield 1;
    } finally {
      for (;;);
    }
  }
  const [first] = endless();
  return first;
};
