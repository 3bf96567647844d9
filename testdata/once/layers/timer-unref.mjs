setTimeout(() => {}, 3_600_000).unref();
export const value = 'set';
