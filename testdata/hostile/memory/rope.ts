// A string that doubles, until it is longer than a string may be; then many of them.
export default () => {
  const kept: string[] = [];
  for (;;) {
    let text = 'x';
    while (text.length < 1 << 22) text += text;
    kept.push(text.replace('x', String(kept.length)));
  }
};
