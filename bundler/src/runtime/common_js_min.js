(body, module) => () => {
  if (!module) {
    const made = (module = { exports: {} });
    let done = false;
    try {
      body(made.exports, made);
      done = true;
    } finally {
      // As Node does, which forgets a module that throws, and tries again when it is asked again.
      if (!done) module = undefined;
    }
  }
  return module.exports;
}
