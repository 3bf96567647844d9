// Published under the name of a package that is known to do no harm with what it draws.
export const value = typeof Math.random();
