export default () => {
  const controller = new AbortController();
  let signal = controller.signal;
  const kept: AbortSignal[] = [];
  for (;;) kept.push((signal = AbortSignal.any([signal, controller.signal])));
};
