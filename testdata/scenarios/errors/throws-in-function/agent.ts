interface Input {
  value: number;
}

function check(input: Input): never {
  throw new TypeError(`bad value ${input.value}`);
}

export default (input: Input) => check(input);
