export default () => {
  let answer: unknown = 'bottom';
  for (let depth = 0; depth < 1000; depth++) answer = [answer];
  return answer;
};
