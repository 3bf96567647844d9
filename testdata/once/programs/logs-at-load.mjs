console.log('loaded');
export default () => 'said';
