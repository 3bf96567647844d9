export { default } from 'missing-import';
