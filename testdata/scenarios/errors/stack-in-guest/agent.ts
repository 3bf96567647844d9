export default () => {
  const error = new Error('seen');
  return { text: typeof error.stack, first: error.stack!.split('\n')[0] };
};
