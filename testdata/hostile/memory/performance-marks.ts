export default () => {
  for (let number = 0; ; number++) performance.mark(`mark ${number}`, { detail: { number } });
};
