export default () => {
  process.on('beforeExit', () => setTimeout(() => {}, 1));
  process.on('exit', () => {
    for (;;);
  });
  return 'answered';
};
