(bodies) => {
  const name = __getOwnPropNames(bodies)[0];
  const entry = { module: undefined, load };
  function load(given) {
    if (entry.module) return entry.module.exports;
    const known = given ? undefined : __hoist.known?.(name);
    if (known) return (entry.module = known).exports;
    const above = __hoist.running;
    const module = (entry.module = given ?? { exports: {}, parent: above });
    let done = false;
    try {
      __hoist.begun?.(name, module);
      __hoist.running = module;
      (0, bodies[name])(module.exports, module);
      done = true;
    } finally {
      __hoist.running = above;
      if (!done) {
        entry.module = undefined;
        __hoist.failed?.(name, module);
      }
    }
    return module.exports;
  }
  __hoist.modules.set(name, entry);
  return () => load();
}
