import vm from 'node:vm';
// What watches the time is a thread.
export const value = new vm.Script('1 + 1').runInThisContext({ timeout: 1000 });
