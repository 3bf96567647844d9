export default () => {
  const parameters = new URLSearchParams();
  for (let number = 0; ; number++) parameters.append(`name ${number}`, `value ${number}`);
};
