export default () => 'plain';
