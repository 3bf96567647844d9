import x from './folder.ts';
export default x;
