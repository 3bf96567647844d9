// One array whose length is asked for at once.
export default () => {
  const array: number[] = new Array(30_000_000);
  for (let index = 0; index < array.length; index++) array[index] = index + 0.5;
  return array.length;
};
