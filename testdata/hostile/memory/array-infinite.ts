export default () => {
  function* endless() {
    for (let number = 0.5; ; number++) yield number;
  }
  return [...endless()].length;
};
