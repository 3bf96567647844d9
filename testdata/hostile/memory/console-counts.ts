export default () => {
  console.log = () => {};
  for (let number = 0; ; number++) {
    console.time(`timer ${number}`.padStart(1000, 't'));
    console.group();
  }
};
