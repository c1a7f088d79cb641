// How much of the processor a browser has used, with all processes it started: what other programs do meanwhile does not change it.
import { readFileSync, readdirSync } from 'node:fs';

/** Ticks a second of the kernel's process table, which is 100 wherever Linux runs. */
const TICKS = 100;

function processes() {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name stands in parentheses and may hold blanks.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      found.push({ pid, parent: fields[1], ticks: Number(fields[11]) + Number(fields[12]) });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** Milliseconds of processor time of the browser that keeps its profile in this folder; NaN where no process table can be read. */
export function processorTime(profile) {
  try {
    const all = processes();
    const isRoot = ({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--user-data-dir=${profile}`);
    const ours = new Set();
    for (const one of all) {
      try {
        if (isRoot(one)) ours.add(one.pid);
      } catch {
        // It has ended meanwhile.
      }
    }
    for (let before = -1; before !== ours.size; ) {
      before = ours.size;
      for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
    }
    return all.filter(({ pid }) => ours.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0) * (1000 / TICKS);
  } catch {
    return NaN;
  }
}
