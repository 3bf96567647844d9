const name = ['node', 'path'].join(':');
const { posix } = await import(name);
export const value = posix.join('a', 'b');
