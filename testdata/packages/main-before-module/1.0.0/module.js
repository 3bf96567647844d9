export const entry = 'module';
