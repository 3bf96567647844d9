process.on('SIGUSR2', () => {});
export const value = process.listenerCount('SIGUSR2');
