export default () => {
  const path = 'a/../'.repeat(500_000);
  for (;;) new URL(path, 'http://localhost/');
};
