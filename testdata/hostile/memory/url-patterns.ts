export default () => {
  const kept: URLPattern[] = [];
  for (let number = 0; ; number++) kept.push(new URLPattern({ pathname: `/:a${number}${'/x'.repeat(20_000)}` }));
};
