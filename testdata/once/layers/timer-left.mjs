export const value = new Promise((resolve) => setTimeout(resolve, 5, 'fired'));
