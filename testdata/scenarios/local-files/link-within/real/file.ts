export const text = 'linked';
