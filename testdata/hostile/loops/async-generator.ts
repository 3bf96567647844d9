export default async () => {
  async function* endless() {
    for (;;) yield new Promise((resolve) => queueMicrotask(() => resolve(1)));
  }
  let sum = 0;
  for await (const one of endless()) sum += one as number;
  return sum;
};
