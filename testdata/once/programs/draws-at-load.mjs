const drawn = Math.random();
export default () => drawn;
