clearTimeout(setTimeout(() => {}, 3_600_000));
export const value = 'cleared';
