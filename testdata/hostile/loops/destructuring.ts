// The builtin asks an iterator that has no end.
export default () => {
  const endless = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: undefined }), return: () => ({}) }) };
  const taken = new Set();
  for (;;) {
    try {
      const [...all] = { [Symbol.iterator]: () => ({ next: () => { taken.add(1); return { done: false, value: taken }; } }) } as any;
      taken.add(all);
    } catch {
      new Map(endless as any);
    }
  }
};
