export default async () => {
  await null;
  throw new SyntaxError('rejected');
};
