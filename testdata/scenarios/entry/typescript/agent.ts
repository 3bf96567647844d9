import type { Missing } from './does-not-exist';
enum Colour {
  Red = 'red',
  Green = 'green',
}
enum Flags {
  A = 1 << 0,
  B = A << 1,
  Both = A | B,
}
namespace Geometry {
  export const pi = 3;
  export function area(radius: number) {
    return pi * radius ** 2;
  }
}
abstract class Base<T> {
  constructor(protected readonly value: T, public label?: string) {}
  abstract show(): string;
}
class Shown extends Base<number> {
  declare extra: string;
  show(): string {
    return `${this.label}=${this.value satisfies number}`;
  }
}
function over(value: string): string;
function over(value: number): string;
function over(value: unknown) {
  return String(value as any)!;
}
export default (input: Missing) => ({
  colour: Colour.Green,
  flags: [Flags.Both, Flags[2]],
  area: Geometry.area(2),
  shown: new Shown(4, 'value').show(),
  over: over(5),
  nullish: input ?? 'nothing',
});
