// Written out, it is longer than any memory.
export default () => /(?:(?:(?:(?:a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000}b/.test('a'.repeat(5000));
