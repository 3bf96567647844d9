// Kept by the process until they are revoked.
export default () => {
  for (let number = 0; ; number++) URL.createObjectURL(new Blob(['x'.repeat(100_000), String(number)]));
};
