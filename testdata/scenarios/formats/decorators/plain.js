const loud = (value) => function () { return `${value.call(this)}!`; };
class A { @loud a() { return "a"; } accessor b = 2; }
const a = new A();
export default [a.a(), a.b];
