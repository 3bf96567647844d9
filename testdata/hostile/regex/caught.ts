// What ends one attempt begins another.
export default () => {
  for (;;) {
    try {
      /^(a+)+$/.test(`${'a'.repeat(40)}!`);
    } catch {
      continue;
    }
  }
};
