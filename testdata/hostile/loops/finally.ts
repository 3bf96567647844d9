// What ends the loop runs the next one.
export default () => {
  const forever = (): never => {
    try {
      for (;;);
    } finally {
      forever();
    }
  };
  return forever();
};
