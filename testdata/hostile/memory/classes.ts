export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(class { #field = number; method() { return this.#field; } });
};
