export const registered = [];
