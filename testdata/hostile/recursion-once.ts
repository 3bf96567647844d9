export default () => {
  const dive = (): number => 1 + dive();
  try {
    return dive();
  } catch (error) {
    return (error as Error).name;
  }
};
