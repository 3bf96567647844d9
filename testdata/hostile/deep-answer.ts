export default () => {
  let answer: unknown[] = [];
  for (let depth = 0; depth < 100; depth++) answer = [answer];
  return answer;
};
