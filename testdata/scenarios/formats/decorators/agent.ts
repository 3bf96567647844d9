type Any = any;
const calls: string[] = [];
function method(value: Any, context: ClassMethodDecoratorContext) {
  calls.push(`${context.kind} ${String(context.name)} ${context.static} ${context.private}`);
  return function (this: Any, ...values: Any[]) { return `wrapped ${value.apply(this, values)}`; };
}
const doubled = (_: undefined, context: Any) => { calls.push(`${context.kind} ${context.name}`); return (first: number) => first * 2; };
function named<T extends new (...values: Any[]) => object>(type: T, context: ClassDecoratorContext) {
  context.addInitializer(() => calls.push(`initialised ${context.name}`));
  return class extends type { extra = 7; };
}
const plusOne = (value: Any, _: Any) => ({
  get(this: Any) { return value.get.call(this) + 1; },
  set(this: Any, next: number) { value.set.call(this, next); },
  init(first: number) { return first * 10; },
});
const upper = (value: Any, _: Any) => function (this: Any) { return value.call(this).toUpperCase(); };

@named
class Thing<T> {
  @method hello(name: T) { return `hello ${name}`; }
  @method static make() { return "made"; }
  @doubled count = 4;
  @plusOne accessor level = 3;
  accessor plain = 1;
  static accessor shared = "s";
  #hidden = "quiet";
  @upper get loud() { return this.#hidden; }
}

const thing = new Thing<string>();
thing.level = 5;
export default () => ({
  hello: thing.hello("you"), made: Thing.make(), count: thing.count, level: thing.level, plain: thing.plain,
  shared: Thing.shared, loud: thing.loud, extra: (thing as Any).extra, calls,
});
