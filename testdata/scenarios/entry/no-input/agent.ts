export default (input: unknown) => ({ input: typeof input });
