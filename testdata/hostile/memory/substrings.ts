// Short strings that hold long ones.
export default () => {
  const kept: string[] = [];
  for (let number = 0; ; number++) kept.push(`${number}`.padStart(1 << 20, 'x').toUpperCase().slice(0, 20));
};
