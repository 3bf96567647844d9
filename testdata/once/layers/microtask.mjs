let said = 'before';
queueMicrotask(() => said = 'after');
await undefined;
export const value = () => said;
