export default () => {
  const kept: unknown[] = [];
  for (let number = 0; ; number++) kept.push(new Request('http://localhost/', { method: 'POST', body: 'x'.repeat(10_000) + number }));
};
