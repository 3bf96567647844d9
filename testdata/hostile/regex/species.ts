// The pattern's own methods are a guest's.
export default () => {
  class Endless extends RegExp {
    override exec(): RegExpExecArray {
      return Object.assign(['x'], { index: 0, input: 'x' }) as unknown as RegExpExecArray;
    }
  }
  return 'x'.replace(new Endless('x', 'g'), 'y');
};
