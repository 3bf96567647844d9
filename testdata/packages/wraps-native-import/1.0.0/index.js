export { default as fast } from 'native-import';
