import x from 'tar-link';
export default x;
