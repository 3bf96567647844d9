export default () => 'module';
