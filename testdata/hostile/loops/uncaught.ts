// Who throws for ever is listened to for ever.
export default () => {
  process.on('uncaughtException', () => setImmediate(() => { throw new Error('again'); }));
  setImmediate(() => { throw new Error('first'); });
  return new Promise(() => {});
};
