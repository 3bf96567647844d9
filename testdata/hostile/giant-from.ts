export default () => Array.from({ length: 1e9 }).length;
