export const value = Math.random();
