export default 'not for you';
