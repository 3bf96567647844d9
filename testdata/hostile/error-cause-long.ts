export default () => {
  let error = new Error('innermost');
  for (let number = 0; number < 100_000; number++) error = new Error(`cause ${number}`, { cause: error });
  throw error;
};
