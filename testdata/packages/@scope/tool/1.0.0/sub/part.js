export const part = 'sub path';
