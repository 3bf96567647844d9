export const kind = 'esm';
export const url = import.meta.url;
