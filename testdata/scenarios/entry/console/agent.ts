console.log('one', 1, { two: [2] });
console.debug('debug %s and %d', 'text', 4);
console.info('info');
console.warn('warn');
console.error(new Error('an error').message);
console.log('several\nlines');
export default () => {
  console.log('from the call');
  return 'out';
};
