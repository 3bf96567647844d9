export default () => {
  const kept: string[] = [];
  for (;;) kept.push(new TextDecoder('utf-16le').decode(new Uint8Array(8 << 20).fill(0x20 + kept.length)));
};
