export default () => {
  const kept: object[] = [];
  for (let number = 0; ; number++) kept.push({ number, text: `value ${number}` });
};
