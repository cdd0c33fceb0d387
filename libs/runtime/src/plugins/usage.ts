import { readFileSync, writeFileSync } from 'node:fs';

export interface Usage {
  /** Processor time since the start of the process. Milliseconds. */
  cpuMs: number;
  /** Memory of its own, on the heap and beside it. Megabytes. */
  privateMb: number;
}

/** What a process has used so far; undefined where the system does not say (elsewhere than on Linux). */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets and may hold blanks. utime and stime are the fields 14 and 15, in hundredths of a second.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, privateMb: Number(anonymous ?? 0) / 1024 };
  } catch {
    return undefined;
  }
}

/** When memory runs out altogether, Linux ends such a process first, and not us. */
export function sacrificeFirst(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Elsewhere than on Linux, or the process has already ended.
  }
}
