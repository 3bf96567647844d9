export { value } from './not-published.js';
