// Nobody holds them but the engine.
export default () => {
  for (let number = 0; ; number++) Symbol.for(`number ${number}`);
};
