function logged(value: any, _context: any) {
  return value;
}
class A {
  @logged
  run() {
    return 1;
  }
}
export default new A().run();
