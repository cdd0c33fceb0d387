import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

// What Linux says of processes that have no metrics of their own. Elsewhere nothing is known, and nothing is said.

const ticksPerSecond = 100;

/** CPU seconds of a process, those of its ended children included. */
export function cpuOf(pid: number): number {
  return cpuIn(read(`/proc/${pid}/stat`));
}

function cpuIn(stat: string | undefined): number {
  if (stat === undefined) return NaN;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

/** The same with the children that live. */
export function cpuOfTree(pid: number): number {
  const children = read(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ').filter(Boolean).map(Number) ?? [];
  return children.reduce((sum, child) => sum + (cpuOf(child) || 0), cpuOf(pid));
}

/** The most memory a process has held at once, in bytes. */
export function peakMemoryOf(pid: number): number {
  return peakIn(read(`/proc/${pid}/status`));
}

function peakIn(status: string | undefined): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status ?? '')?.[1] ?? NaN);
}

/**
 * The same of a process that is at work, without standing still. What is asked here is locked while the process changes its memory, and one that gives way to
 * all others may hold the lock until it is its turn: who measures in this process measured that wait as well.
 */
export async function usedBy(pid: number): Promise<{ cpuSeconds: number; peakBytes: number }> {
  const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)));
  return { cpuSeconds: cpuIn(stat), peakBytes: peakIn(status) };
}

/** The server to which a backend belongs, where it runs on this machine. */
export function parentOf(pid: number): number | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

export function loadAverage(): number {
  return Number(read('/proc/loadavg')?.split(' ')[0] ?? NaN);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
