export default () => Array.prototype.join.call({ length: 2 ** 32 - 2 }, '');
