export default 'café';
