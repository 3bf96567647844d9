let said = 'before';
process.nextTick(() => said = 'after');
export const value = () => said;
