export default () => /.*.*.*.*=.*/s.test('x'.repeat(20_000));
