const loaded = performance.timeOrigin + performance.now();
export default () => loaded;
