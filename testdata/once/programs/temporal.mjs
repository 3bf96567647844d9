const loaded = Temporal.Now.instant().epochMilliseconds;
export default () => loaded;
