export default () => {
  let answer: unknown[] = [];
  for (let depth = 0; depth < 200_000; depth++) answer = [answer];
  return answer;
};
