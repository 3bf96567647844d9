// What reads the error must not be led astray by it.
export default () => {
  const error = new Error('plain');
  Object.defineProperty(error, 'stack', {
    get() {
      for (;;);
    },
  });
  Object.defineProperty(error, 'name', {
    get() {
      throw new Error('no name');
    },
  });
  throw error;
};
