const loaded = Number(process.hrtime.bigint());
export default () => typeof loaded;
