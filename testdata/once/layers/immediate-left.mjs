export const value = new Promise((resolve) => setImmediate(resolve, 'fired'));
