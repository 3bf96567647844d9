// What the host does with the answer must not go through what a guest can replace.
export default () => {
  const forged = () => '{"forged":true}';
  JSON.stringify = forged as any;
  JSON.parse = (() => ({ forged: true })) as any;
  Promise.prototype.then = (() => {
    throw new Error('then was called');
  }) as any;
  Promise.resolve = (() => ({ forged: true })) as any;
  Array.prototype.map = (() => ['forged']) as any;
  Array.prototype.push = (() => 0) as any;
  Array.prototype[Symbol.iterator] = (() => [].values()) as any;
  Object.prototype.toString = (() => '[forged]') as any;
  Function.prototype.call = (() => 'forged') as any;
  Function.prototype.apply = (() => 'forged') as any;
  Object.keys = (() => []) as any;
  String.prototype.split = (() => []) as any;
  RegExp.prototype.exec = (() => null) as any;
  return { honest: 'value' };
};
