export default () => 'a'.repeat(60).split(/(?:a+)+b/).length;
