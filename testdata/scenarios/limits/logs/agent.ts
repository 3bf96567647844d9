export default (kind: string) => {
  if (kind === 'many') for (let number = 0; number < 10; number++) console.log(`line ${number}`);
  if (kind === 'stream') for (let number = 0; number < 10; number++) process.stdout.write(`line ${number}\n`);
  if (kind === 'long') {
    console.log('x'.repeat(100_000));
    console.log('after');
  }
  if (kind === 'few') console.log('one');
  return 'said';
};
