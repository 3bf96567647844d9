export default 'feature two';
