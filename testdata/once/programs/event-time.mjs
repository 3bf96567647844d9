const loaded = new Event('x').timeStamp;
export default () => typeof loaded;
