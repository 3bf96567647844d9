export default () => {
  const text = 'x'.repeat(8 << 20);
  for (;;) atob(btoa(text));
};
