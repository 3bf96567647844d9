globalThis.lazyWasLoaded = true;
export const answer = 42;
