import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Whoever answers webhooks on this machine comes first. Linux has a class for it whose threads leave the processor at once when any other wants it (SCHED_IDLE);
 * the lowest priority alone finishes its time slice first, and beside a run that looks through passes the slowest hundredth of all webhooks waited half as long again.
 * Where neither is allowed or there is no `chrt`, the limits of both vendors still hold. Threads and processes that are begun afterwards are the same.
 */
export function giveWay(): void {
  if (process.platform === 'linux' && spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' }).status === 0) return;
  try {
    // Linux counts each thread by itself; those that collect garbage are there already.
    for (const thread of process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0]) setPriority(thread, constants.priority.PRIORITY_LOW);
  } catch {}
}
