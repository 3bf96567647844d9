export default () => {
  const headers = new Headers();
  for (let number = 0; ; number++) headers.append(`x-${number}`, String(number).padStart(100_000, 'y'));
};
