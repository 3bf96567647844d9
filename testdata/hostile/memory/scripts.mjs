import vm from 'node:vm';

export default () => {
  const kept = [];
  for (let number = 0; ; number++) kept.push(new vm.Script(`(() => '${String(number).padStart(100_000, 'x')}')()`));
};
