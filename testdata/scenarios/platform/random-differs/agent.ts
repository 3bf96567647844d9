export default () => [Math.random(), crypto.randomUUID()].length;
