import secret from './link.json';
export default secret;
