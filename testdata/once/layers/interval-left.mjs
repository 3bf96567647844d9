let count = 0;
const interval = setInterval(() => ++count, 2);
export const value = async () => {
  while (count < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  clearInterval(interval);
  return 'repeated';
};
