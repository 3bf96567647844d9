export default async () => {
  const failing = Promise.reject(new Error('handled'));
  const seen = await failing.catch((error) => error.message);
  return seen;
};
