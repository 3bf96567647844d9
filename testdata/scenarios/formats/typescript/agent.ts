enum Color { Red = 1, Green }
const enum Size { Small = "s" }
namespace Outer { export const one = 1; export namespace Inner { export const six = 6; } }
namespace Outer { export const two = Outer.one + 1; }
const disposed: string[] = [];
{ using first = { [Symbol.dispose]() { disposed.push("sync"); } }; void first; }
{ await using second = { async [Symbol.asyncDispose]() { disposed.push("async"); } }; void second; }
const kept = { a: 1 } satisfies Record<string, number>;
export default () => ({
  green: Color.Green, red: Color[1], size: Size.Small, deep: Outer.Inner.six, merged: [Outer.one, Outer.two], kept, disposed,
});
