export default () => {
  const value: any = { [Symbol.toPrimitive]: () => { for (;;); } };
  return [3, value, 1].sort();
};
