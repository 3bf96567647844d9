export const value = URL.createObjectURL(new Blob(['x']));
