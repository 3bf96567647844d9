console.log('before');
export default () => {
  throw new Error('after');
};
