const loaded = Date();
export default () => typeof loaded;
