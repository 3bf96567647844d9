export default () => {
  const never = new Promise(() => {});
  const wait = async (value: number) => [await never, value];
  for (let number = 0; ; number++) void wait(number);
};
