export default () => JSON.stringify(new Array(5e8).fill(0)).length;
