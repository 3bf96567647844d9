export default () => {
  for (const key of ['outcome', 'value', 'error', 'status', 'stack', 'toJSON']) {
    Object.defineProperty(Object.prototype, key, {
      configurable: true,
      get: () => (key === 'toJSON' ? undefined : 'forged'),
    });
  }
  return { honest: 'value' };
};
