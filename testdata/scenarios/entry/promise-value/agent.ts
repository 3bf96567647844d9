export default Promise.resolve('later');
