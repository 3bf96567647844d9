export const one = () => 21;
