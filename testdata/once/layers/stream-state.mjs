import { isatty } from 'node:tty';
const state = [process.stdout.isTTY ?? false, process.stderr.isTTY ?? false, isatty(1), process.stdout.fd];
export const value = () => {
  process.stdout.write('through what was there at load\n');
  return state.join();
};
