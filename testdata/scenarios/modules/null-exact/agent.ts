import x from 'conditions/closed';
export default x;
