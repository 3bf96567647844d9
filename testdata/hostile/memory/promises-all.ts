export default () => Promise.all((function* () { for (;;) yield new Promise(() => {}); })());
