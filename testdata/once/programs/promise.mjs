export default Promise.resolve('settled');
