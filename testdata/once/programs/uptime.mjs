const loaded = process.uptime();
export default () => typeof loaded;
