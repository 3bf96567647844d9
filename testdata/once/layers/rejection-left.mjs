Promise.reject(new Error('left alone'));
export const value = 'never seen';
