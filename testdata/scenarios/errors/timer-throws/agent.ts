export default () => {
  setTimeout(() => {
    throw new Error('in a timer');
  }, 1);
  return new Promise((resolve) => setTimeout(resolve, 5000));
};
