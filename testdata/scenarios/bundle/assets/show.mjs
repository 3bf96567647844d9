import value from './out/main.js';
console.log(JSON.stringify(value));
