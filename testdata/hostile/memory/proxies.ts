export default () => {
  let proxy: object = {};
  for (;;) proxy = new Proxy(proxy, {});
};
