export default () => {
  for (let number = 0; ; number++) process.env[`NAME_${number}`] = String(number).padStart(100_000, 'x');
};
