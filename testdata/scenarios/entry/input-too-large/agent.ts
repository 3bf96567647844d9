export default () => console.log('called');
