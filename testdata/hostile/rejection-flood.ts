export default () => {
  for (let number = 0; number < 100_000; number++) Promise.reject(new Error(`number ${number}`));
  return 'many';
};
