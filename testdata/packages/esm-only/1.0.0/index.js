export default class Greeter {
  greet(name) {
    return `hello ${name}`;
  }
}
export const version = 1;
