export default () => JSON.parse('{"a":[1]}', function (this: any, key, value) {
  if (key === '0') this[this.length] = 1;
  return key === 'a' ? JSON.parse(`[${'1,'.repeat(1e6)}1]`, () => { for (;;); }) : value;
});
