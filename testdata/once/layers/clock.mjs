const loaded = [Date.now(), performance.now(), Number(process.hrtime.bigint()), new Date().getFullYear()];
export const value = loaded.every((read) => read > 0);
