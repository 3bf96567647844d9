// A square of the text's length is more than a string can be.
export default () => 'a'.repeat(100_000).replaceAll('a', 'b'.repeat(100_000)).length;
