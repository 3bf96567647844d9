export default (input: number) => [input, Object.is(input, -0)];
