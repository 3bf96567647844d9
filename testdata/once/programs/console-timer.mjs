console.time('since load');
export default () => 'timed';
