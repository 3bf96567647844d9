export default (name: string) => `hello ${name}`;
