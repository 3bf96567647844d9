const { random } = Math;
export default () => random();
