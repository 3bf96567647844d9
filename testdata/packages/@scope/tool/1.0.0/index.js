export const tool = 'scoped';
