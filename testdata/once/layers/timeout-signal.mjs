const signal = AbortSignal.timeout(5);
export const value = new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
