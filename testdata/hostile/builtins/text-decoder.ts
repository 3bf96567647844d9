export default () => {
  const bytes = new Uint8Array(16 << 20).fill(0xff);
  for (;;) new TextDecoder().decode(bytes);
};
