export default () => {
  const kept: Record<string, number> = {};
  for (let number = 0; ; number++) kept[`key ${number}`] = number;
};
