import { load } from 'lazy-import';
export default async () => {
  const before = (globalThis as any).lazyWasLoaded;
  const answer = await load();
  return [before ?? 'not yet', answer, (globalThis as any).lazyWasLoaded];
};
