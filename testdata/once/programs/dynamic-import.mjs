const name = ['node', 'path'].join(':');
const path = await import(name);
export default () => path.posix.join('a', 'b');
