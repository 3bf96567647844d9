const loaded = process.cpuUsage();
export default () => typeof loaded.user;
