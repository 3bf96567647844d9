const log: string[] = [];
const types: Record<string, string> = {};
(Reflect as any).metadata = (key: string, value: any) => (_: any, name: string) => { if (key === "design:type") types[name] = value.name; };
const method = (_: object, name: string) => { log.push(name); };
const parameter = (_: object, __: string, index: number) => { log.push(`parameter ${index}`); };
const property = (_: object, __: string) => {};
class Thing {
  @property title: string = "hi";
  @method hello(@parameter _name: string) { return this.title; }
}
export default () => ({ log, type: types.title, hello: new Thing().hello("x") });
