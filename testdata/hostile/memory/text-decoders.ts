export default () => {
  const kept: TextDecoder[] = [];
  for (;;) {
    const decoder = new TextDecoder('gb18030');
    decoder.decode(new Uint8Array([0x81]), { stream: true });
    kept.push(decoder);
  }
};
