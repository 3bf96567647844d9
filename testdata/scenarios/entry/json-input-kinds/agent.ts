export default (input: unknown) => [input];
