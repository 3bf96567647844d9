export default () => {
  setInterval(() => {
    for (let number = 0; number < 1e8; number++);
  }, 0);
  return new Promise(() => {});
};
