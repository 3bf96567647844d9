export default () => {
  const target = new EventTarget();
  for (let number = 0; ; number++) target.addEventListener(`event ${number}`, () => number);
};
