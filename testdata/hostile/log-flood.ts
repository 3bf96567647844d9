export default () => {
  for (let number = 0; number < 200_000; number++) console.log(`line ${number} of a flood`);
  return 'flooded';
};
