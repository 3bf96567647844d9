import own from 'imports-field';
export default own;
