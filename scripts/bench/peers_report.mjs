// Tables and gates of a run beside others (peers.mjs): the least that is wanted, and where it is to go.

import { print } from './measure.mjs';

/** The peer that ratios are judged by. */
const ANCHOR = 'cf-workerd';
/** How many times as fast as that one. */
const TIMES = 10;
const MB = 1e6 / 1024;
/** KiB that no live process goes without. Less was measured where somebody may not look: what cannot be read counts as nothing. */
const LEAST_PSS = 100;

/**
 * What is wanted: of times the most (ms, net), of rates the least (processes a second, net, at the better of the two levels),
 * of memory the most (KiB of PSS that each live run adds). `goal` is not judged.
 */
const GATES = [
  { kind: 'time', measure: 'hot', workload: 'hono-zod', most: 3, goal: 2 },
  { kind: 'time', measure: 'hot', workload: 'noop', most: 1.2, goal: 1 },
  { kind: 'time', measure: 'warm', workload: 'hono-zod', most: 6, goal: 5 },
  { kind: 'rate', workload: 'hono-zod', least: 250 },
  { kind: 'rate', workload: 'noop', least: 900 },
  { kind: 'memory', workload: 'hono-zod', most: 3.5 * MB },
  { kind: 'memory', workload: 'noop', most: 1.2 * MB },
  { kind: 'ratio', measure: 'hot', workload: 'hono-zod', least: TIMES },
  { kind: 'ratio', measure: 'hot', workload: 'noop', least: TIMES },
  { kind: 'ratio', measure: 'warm', workload: 'hono-zod', least: TIMES },
  { kind: 'ratio', measure: 'warm', workload: 'noop', least: TIMES },
];

/** Prints everything; the gates that were missed. */
export function report({ meta, peers, results }, workloads) {
  const names = Object.keys(peers).filter((name) => !['system', 'echo'].includes(name));
  const cell = (workload, peer) => results[workload]?.[peer] ?? {};
  const busy = [meta.noise_before, meta.noise_after].map((noise) => `${(noise.busy * 100).toFixed(0)} %`).join(' and ');
  const state = meta.noisy ? '**the machine was busy: only ratios and memory count**' : 'the machine was idle';
  const head = ['hoist net', 'hoist', 'echo', ...names];
  const rows = (kinds, row) => kinds.flatMap((kind) => workloads.map((workload) => row(kind, workload, names, cell)));
  console.log(`\n${meta.started.slice(0, 10)}, ${meta.cores} cores, others' work before and after ${busy}: ${state}`);
  console.log(`\n## The same program again (hot, ${meta.args['hot-n']} runs), a new one on a known layer (warm, ${meta.args.reps}): ms, p50 (p95); in other columns how many times hoist, net\n`);
  print(['', 'workload', ...head], rows(['hot', 'warm'], times));
  console.log('\n## Processor time of the same, ms each, of all processes (warm: in steps of 10); how many times hoist\n');
  print(['', 'workload', 'hoist', ...names], rows(['hot', 'warm'], processorTimes));
  console.log('\n## Fresh processes a second; hoist, net, is how many times the other\n');
  print(['at once', 'workload', ...head], rows(String(meta.args.conc).split(','), rates));
  console.log('\n## Memory of one live run after use, KiB of PSS; how many times hoist\n');
  print(['workload', 'hoist', ...names], workloads.map((workload) => memory(workload, names, cell)));
  const gates = GATES.filter(({ kind, workload }) => workloads.includes(workload) && (kind !== 'ratio' || names.includes(ANCHOR)));
  return [...wrong(workloads, names, cell), ...judge(gates, cell, meta)];
}

function times(measure, workload, names, cell) {
  const [ours, echo] = ['system', 'echo'].map((peer) => cell(workload, peer)[measure]);
  const show = (stats) => (stats ? `${stats.p50.toFixed(2)} (${stats.p95.toFixed(2)})` : '-');
  const net = ours && echo && { p50: ours.p50 - echo.p50, p95: ours.p95 - echo.p95 };
  const other = (stats) => show(stats) + by(netOf(stats, echo) / netOf(ours, echo));
  return [measure, workload, show(net), show(ours), show(echo), ...names.map((name) => other(cell(workload, name)[measure]))];
}

function processorTimes(measure, workload, names, cell) {
  return [measure, workload, ...besideOurs((peer) => cell(workload, peer)[`${measure}_cpu_ms`], names, 2)];
}

function rates(level, workload, names, cell) {
  const of = (peer) => cell(workload, peer).concurrency?.[level]?.rps;
  const show = (rate) => (rate > 0 ? rate.toFixed(0) : '-');
  const net = netRate(of('system'), of('echo'));
  const other = (rate) => show(rate) + by(net / netRate(rate, of('echo')));
  return [level, workload, show(net), show(of('system')), show(of('echo')), ...names.map((name) => other(of(name)))];
}

function memory(workload, names, cell) {
  return [workload, ...besideOurs((peer) => cell(workload, peer).memory?.pss_kib_each, names, 0)];
}

/** Our figure, then those of the others with their ratios to it. */
function besideOurs(of, names, decimals) {
  const show = (figure) => (Number.isFinite(figure) ? figure.toFixed(decimals) : '-');
  return [show(of('system')), ...names.map((name) => show(of(name)) + by(of(name) / of('system')))];
}

function by(ratio) {
  return Number.isFinite(ratio) && ratio > 0 ? ` ${ratio.toFixed(ratio < 10 ? 2 : 1)}×` : '';
}

/** The median less what the harness takes for itself. */
function netOf(stats, echo) {
  return stats && echo ? stats.p50 - echo.p50 : NaN;
}

/** As many a second as there were if sending and receiving took nothing. */
function netRate(rate, echo) {
  return 1 / (1 / rate - 1 / echo);
}

/** A figure of a run that answered something else is none. */
function wrong(workloads, names, cell) {
  const of = (peer) => workloads.flatMap((workload) => (cell(workload, peer).errors ?? []).map((error) => [`${peer}, ${workload}`, error]));
  const others = names.flatMap(of);
  if (others.length > 0) {
    console.log('\n## What others failed at\n');
    print(['peer, workload', 'error'], others.map(([where, error]) => [where, error.replace(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 160)]));
  }
  return of('system').map(([where, error]) => `${where}: ${error}`);
}

function judge(gates, cell, meta) {
  const failures = [];
  const rows = gates.map((gate) => {
    const measured = measuredBy(gate, cell);
    const met = gate.most ? measured <= gate.most : measured >= gate.least;
    const counts = !meta.noisy || ['ratio', 'memory'].includes(gate.kind);
    const name = `${nameOf(gate)}, ${gate.workload}`;
    const wanted = gate.most ? `at most ${gate.most.toFixed(1)}` : `at least ${gate.least}`;
    if (counts && !met) failures.push(`${name}: ${Number.isFinite(measured) ? measured.toFixed(2) : 'nothing'} measured, ${wanted} wanted`);
    return [name, wanted, gate.goal ?? '', Number.isFinite(measured) ? measured.toFixed(2) : '-', `${met ? 'met' : 'missed'}${counts ? '' : ' (not judged)'}`];
  });
  console.log('\n## Gates\n');
  print(['gate', 'wanted', 'goal', 'measured', ''], rows);
  return failures;
}

function nameOf(gate) {
  const names = { time: `${gate.measure}, ms net`, rate: 'processes a second, net', memory: 'KiB of PSS', ratio: `${gate.measure}, ${ANCHOR} / hoist` };
  return names[gate.kind];
}

function measuredBy({ kind, measure, workload }, cell) {
  const [ours, echo, anchor] = ['system', 'echo', ANCHOR].map((peer) => cell(workload, peer));
  if (kind === 'time') return netOf(ours[measure], echo[measure]);
  if (kind === 'ratio') return netOf(anchor[measure], echo[measure]) / netOf(ours[measure], echo[measure]);
  if (kind === 'memory') return ours.memory?.pss_kib_each >= LEAST_PSS ? ours.memory.pss_kib_each : NaN;
  const rates = Object.keys(ours.concurrency ?? {}).map((level) => netRate(ours.concurrency[level].rps, echo.concurrency?.[level]?.rps));
  return rates.length > 0 ? Math.max(...rates) : NaN;
}
