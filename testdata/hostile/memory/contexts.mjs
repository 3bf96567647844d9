import vm from 'node:vm';

export default () => {
  const kept = [];
  for (;;) kept.push(vm.createContext({}));
};
