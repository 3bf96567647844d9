export default () => 'x'.repeat(2 << 20);
