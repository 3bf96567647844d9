const name = ['other', 'mjs'].join('.');
export const { value } = await import(`./${name}`);
