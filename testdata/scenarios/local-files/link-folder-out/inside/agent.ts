import secret from './link/secret.json';
export default secret;
