// Read backwards from every z.
export default () => /(?<=!(x|xx)+)z/.test(`${'x'.repeat(60)}z`);
