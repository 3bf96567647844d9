export default (input: number) => [input, input === Infinity, NaN, -Infinity];
