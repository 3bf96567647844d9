import settled from 'top-level-await';
const own = await Promise.resolve('own');
export default [settled, own];
