export default (input: string) => {
  if (input === 'reallyExit') (process as any).reallyExit(5);
  if (input === 'listener') process.on('exit', () => console.log('leaving'));
  process.exit(5);
};
