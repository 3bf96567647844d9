import process from 'node:process';
process.exitCode = 3;
export default 'still here';
