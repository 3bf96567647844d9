export const stage: string = "live";
