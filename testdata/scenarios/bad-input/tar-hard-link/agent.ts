import x from 'tar-hard-link';
export default x;
