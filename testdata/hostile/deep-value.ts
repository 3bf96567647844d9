export default (depth: number) => {
  let answer: unknown[] = [];
  for (let level = 0; level < depth; level++) answer = [answer];
  return answer;
};
