// Every object has a shape of its own.
export default () => {
  const kept: object[] = [];
  for (let number = 0; ; number++) kept.push({ [`a${number}`]: 1, [`b${number}`]: 2, [`c${number}`]: 3 });
};
