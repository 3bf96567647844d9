export const picked = 'node import';
