// Every way to leave something on the host's disk.
import fs from 'node:fs';
import { writeFile, mkdir, rm, appendFile, mkdtemp } from 'node:fs/promises';

const attempts = {};
const attempt = async (name, work) => {
  try {
    const result = await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, 500, undefined))]);
    attempts[name] = result === undefined ? 'nothing' : `done ${String(result).slice(0, 100)}`;
  } catch (error) {
    attempts[name] = `refused: ${error?.name ?? error}`;
  }
};

// The test looks at the folder afterwards: the canary must be as it was, and alone.
export default async ({ canary, folder }) => {
  const file = `${folder}/written-by-a-guest`;
  await attempt('writeFileSync', () => fs.writeFileSync(file, 'x'));
  await attempt('promises.writeFile', () => writeFile(file, 'x'));
  await attempt('appendFileSync', () => fs.appendFileSync(canary, 'appended'));
  await attempt('promises.appendFile', () => appendFile(canary, 'appended'));
  await attempt('createWriteStream', () => new Promise((resolve, reject) => fs.createWriteStream(file).on('error', reject).end('x', resolve)));
  await attempt('openSync', () => fs.openSync(file, 'w'));
  await attempt('mkdirSync', () => fs.mkdirSync(`${folder}/made-by-a-guest`));
  await attempt('promises.mkdir', () => mkdir(`${folder}/made-by-a-guest/deep`, { recursive: true }));
  await attempt('mkdtemp', () => mkdtemp(`${folder}/temporary-`));
  await attempt('unlinkSync', () => fs.unlinkSync(canary));
  await attempt('rmSync', () => fs.rmSync(folder, { recursive: true, force: true }));
  await attempt('promises.rm', () => rm(folder, { recursive: true, force: true }));
  await attempt('renameSync', () => fs.renameSync(canary, `${canary}.renamed`));
  await attempt('truncateSync', () => fs.truncateSync(canary));
  await attempt('chmodSync', () => fs.chmodSync(canary, 0o777));
  await attempt('utimesSync', () => fs.utimesSync(canary, 0, 0));
  await attempt('symlinkSync', () => fs.symlinkSync(canary, `${folder}/link-by-a-guest`));
  await attempt('cpSync', () => fs.cpSync(canary, `${folder}/copied-by-a-guest`));
  await attempt('through the descriptor of a folder', () => fs.writeFileSync(`/proc/self/cwd/written-by-a-guest`, 'x'));
  return attempts;
};
