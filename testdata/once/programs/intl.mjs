const loaded = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'full' }).format();
export default () => typeof loaded;
