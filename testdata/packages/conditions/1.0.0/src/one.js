export default 'feature one';
