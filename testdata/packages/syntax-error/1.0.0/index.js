export const value = ;
