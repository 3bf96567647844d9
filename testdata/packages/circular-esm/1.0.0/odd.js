import { isEven } from './even.js';
export function isOdd(number) {
  return number === 0 ? false : isEven(number - 1);
}
