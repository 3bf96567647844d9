export { next as default } from 'counter';
