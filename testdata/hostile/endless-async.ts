// Always busy, never settled, and each turn is short.
export default async () => {
  for (;;) await new Promise((resolve) => setTimeout(resolve, 0));
};
