export default async (input: number[]) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return input.map((number) => number * 2);
};
