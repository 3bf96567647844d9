const loaded = Date.now();
export default () => loaded;
