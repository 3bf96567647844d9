// One allocation that is too large throws, as V8 has it, or ends the run.
export default () => {
  const buffer = new ArrayBuffer(8 * 1024 ** 3);
  return buffer.byteLength;
};
