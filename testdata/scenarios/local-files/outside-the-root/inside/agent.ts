import secret from '../secret.json';
export default secret;
