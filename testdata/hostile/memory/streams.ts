// A stream that takes whatever it is given.
export default () => {
  const { writable } = new TransformStream({}, { highWaterMark: Infinity }, { highWaterMark: Infinity });
  const writer = writable.getWriter();
  for (let number = 0; ; number++) void writer.write(`${number}`.repeat(10_000).toUpperCase());
};
