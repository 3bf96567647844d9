export default () => {
  const form = new FormData();
  for (let number = 0; ; number++) form.append(`name ${number}`, `value ${number}`.repeat(100));
};
