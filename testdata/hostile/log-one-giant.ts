export default () => {
  console.log('x'.repeat(16 << 20));
  process.stdout.write('y'.repeat(4 << 20));
  process.stderr.write('z'.repeat(4 << 20));
  return 'said';
};
