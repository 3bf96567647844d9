import x from 'never-published';
export default x;
