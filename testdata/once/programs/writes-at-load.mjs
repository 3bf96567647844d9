process.stdout.write('loaded\n');
export default () => 'written';
