process.on('exit', () => {});
export const value = process.listenerCount('exit') > 0;
