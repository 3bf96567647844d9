import { tool, type Tool } from "./tool.mts";
import plain from "./plain.js";
const decorate = (value: any, _: ClassMethodDecoratorContext) => function (this: unknown, n: number): string { return `decorated ${value.call(this, n)}`; };
class Thing { @decorate go(n: number) { return n; } }
export default (n: number) => [new Thing().go(n) as unknown, tool satisfies Tool, plain];
