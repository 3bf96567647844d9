import { isOdd } from './odd.js';
export function isEven(number) {
  return number === 0 ? true : isOdd(number - 1);
}
