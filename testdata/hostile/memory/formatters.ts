// Their tables stand outside of the engine's heap.
export default () => {
  const kept: unknown[] = [];
  for (;;) kept.push(new Intl.DateTimeFormat('ar-u-ca-islamic', { dateStyle: 'full' }), new Intl.NumberFormat('hi', { style: 'currency', currency: 'INR' }));
};
