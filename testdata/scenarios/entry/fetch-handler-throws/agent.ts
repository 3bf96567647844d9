export default {
  fetch() {
    throw new RangeError('no handler today');
  },
};
