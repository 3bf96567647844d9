export const value = crypto.getRandomValues(new Uint32Array(4)).join();
