export default () => {
  process.on('unhandledRejection', () => void Promise.reject(new Error('again')));
  void Promise.reject(new Error('first'));
  return new Promise((resolve) => setTimeout(resolve, 600_000));
};
