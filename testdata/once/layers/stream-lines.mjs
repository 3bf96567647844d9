process.stdout.write('loaded\nand ');
process.stdout.write('more\n');
process.stderr.write('complained\n');
export const value = 'written';
