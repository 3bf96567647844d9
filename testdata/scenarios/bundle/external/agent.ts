import callable from "callable@^1"; import deep from "inner/deep.js"; import describe from "dual";
export default () => [callable, deep, describe()];
