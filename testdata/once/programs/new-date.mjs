const loaded = new Date().getTime();
export default () => loaded;
