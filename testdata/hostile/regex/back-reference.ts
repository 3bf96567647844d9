export default () => /^(.*)(.*)(.*)(.*)\1\2\3\4x$/.test('a'.repeat(400));
