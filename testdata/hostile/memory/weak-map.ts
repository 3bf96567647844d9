export default () => {
  const kept: object[] = [];
  const map = new WeakMap<object, object>();
  for (let number = 0; ; number++) {
    const key = { number };
    kept.push(key);
    map.set(key, { number });
  }
};
