export const value = await new Promise((resolve) => setTimeout(resolve, 2, 'waited'));
