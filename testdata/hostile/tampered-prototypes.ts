export default () => {
  for (const key of ['outcome', 'error', 'status', 'stack', 'toJSON', 'value']) {
    Object.defineProperty(Object.prototype, key, {
      configurable: true,
      get: () => (key === 'toJSON' ? undefined : 'forged'),
    });
  }
  return { honest: 'value' };
};
