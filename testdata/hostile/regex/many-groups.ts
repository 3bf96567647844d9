// The pattern itself is the giant.
export default () => new RegExp(`${'(a?)'.repeat(5000)}${'a'.repeat(5000)}`).test('a'.repeat(5000));
