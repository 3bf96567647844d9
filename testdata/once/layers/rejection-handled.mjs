const rejected = Promise.reject(new Error('handled'));
rejected.catch(() => {});
export const value = () => rejected.catch(({ message }) => message);
