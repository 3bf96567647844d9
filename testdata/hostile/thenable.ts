// A thenable that settles twice and throws: the first word counts.
export default () => ({
  then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    resolve('first');
    resolve('second');
    reject(new Error('third'));
    throw new Error('fourth');
  },
});
