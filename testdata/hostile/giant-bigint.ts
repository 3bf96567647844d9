export default () => {
  let number = 3n;
  for (;;) number *= number;
};
