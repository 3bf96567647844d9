export default () => ({
  deno: typeof (globalThis as any).Deno,
  bootstrap: typeof (globalThis as any).__bootstrap,
  window: typeof (globalThis as any).window,
  node: typeof process.versions.node,
  release: process.release.name,
  tag: Object.prototype.toString.call(process),
  platform: process.platform,
});
