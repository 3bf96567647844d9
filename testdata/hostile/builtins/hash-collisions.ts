// Numbers that fall into few places of a hash table, as text keys too.
export default () => {
  const seen = new Set<number>();
  for (let number = 0; ; number += 2 ** 32) {
    seen.add(number);
    if (seen.size > 200_000) seen.clear();
  }
};
