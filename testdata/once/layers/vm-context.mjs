import vm from 'node:vm';
const context = vm.createContext({});
export const value = () => vm.runInContext('Math.random()', context);
