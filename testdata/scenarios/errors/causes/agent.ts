class Denied extends Error {
  override name = 'Denied';
}

function innermost(): Error {
  return new Denied('innermost');
}

export default (name: string) => {
  if (name === 'chain') throw new Error('outer', { cause: new TypeError('middle', { cause: innermost() }) });
  if (name === 'text') throw new Error('outer', { cause: 'only text' });
  if (name === 'none') throw new Error('alone');
  if (name === 'long') {
    let error = new Error('last');
    for (let number = 0; number < 1000; number++) error = new Error('x'.repeat(10_000), { cause: error });
    throw error;
  }
  throw new AggregateError([innermost(), new RangeError('other')], 'several', { cause: innermost() });
};
