import umd from 'umd';
export default umd.say();
