export default () => {
  const first: Error & { cause?: unknown } = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;
  throw first;
};
