// What the measurements of this folder share: where they work, the other tools at their pinned versions, and how figures
// are summed up and printed.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');
/** Where the tools are installed and the results are written. */
export const folder = path.join(root, 'target/bench');

/** Installs the tools, and the packages that bundlers find, at the versions of the lock beside this file. */
export function installTools() {
  fs.mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) fs.copyFileSync(path.join(here, file), path.join(folder, file));
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], { cwd: folder, stdio: 'inherit' });
}

/** The line above the tables: what else the machine had to do is part of a figure. */
export function circumstances(repeats) {
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, ${repeats} repetitions, medians in ms`;
}

export function median(numbers) {
  const sorted = [...numbers].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function ratio(one, other) {
  return (one / other).toFixed(2);
}

/** A table in Markdown; numbers with one decimal. */
export function print(head, rows) {
  const cell = (value) => (typeof value === 'number' ? value.toFixed(1) : value);
  console.log(`| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.map(cell).join(' | ')} |`);
}
