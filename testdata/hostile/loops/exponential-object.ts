// Thirty objects, a billion paths.
export default () => {
  let value: object = {};
  for (let level = 0; level < 30; level++) value = { left: value, right: value };
  return value;
};
