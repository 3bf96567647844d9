import x from 'tar-absolute';
export default x;
