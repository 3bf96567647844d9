// The value is an object with a getter that does not return.
export default () => ({
  get endless() {
    for (;;);
  },
});
