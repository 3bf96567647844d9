// A generator that is told to return does not.
export default () => {
  function* stubborn() {
    for (;;) {
      try {
        yield 1;
      } finally {
        continue;
      }
    }
  }
  for (;;) {
    for (const one of stubborn()) if (one === 1) break;
  }
};
