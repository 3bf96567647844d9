export default async (input: string) => {
  try {
    return await import(input);
  } catch (error) {
    return 'refused';
  }
};
