import x from 'conditions/features/private/secret';
export default x;
