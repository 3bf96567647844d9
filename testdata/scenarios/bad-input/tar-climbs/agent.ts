import x from 'tar-climbs';
export default x;
