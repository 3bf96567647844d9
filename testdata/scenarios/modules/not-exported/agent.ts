import x from 'conditions/node.mjs';
export default x;
