export default () => {
  const target = new EventTarget();
  target.addEventListener('again', () => setImmediate(() => target.dispatchEvent(new Event('again'))));
  target.dispatchEvent(new Event('again'));
  return new Promise(() => {});
};
