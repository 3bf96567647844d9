export let count = 0;
export function increment() {
  count += 1;
}
export function receiver() {
  return this === undefined ? 'none' : typeof this;
}
export default () => count;
