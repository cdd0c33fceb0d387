import { amount, progressOf, things, type Estimate, type Run } from '#core';

const barWidth = 24;
/** Where nobody watches, a line now and then is enough. */
const lineEveryMs = 10_000;

/** Shows how far a run is: a line that redraws itself on a terminal, elsewhere a line per phase and every ten seconds. */
export class RunProgress {
  private phase = '';
  private saidAt = 0;

  constructor(private readonly now: () => number) {}

  show({ tenant, checkpoint }: Run): void {
    const { says, step, steps, done, share } = progressOf(checkpoint, []);
    const bar = share === undefined ? '' : ` ${'█'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '░')} ${String(Math.round(share * 100)).padStart(3)} %`;
    const found = Object.values(checkpoint.found).reduce((sum, { count }) => sum + count, 0);
    const text = `${tenant} ${step}/${steps} ${says}${bar}${done > 0 ? ` ${done}` : ''}${found > 0 ? `, ${found} found` : ''}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001b[2K${text}`);
      return;
    }
    if (checkpoint.phase === this.phase && this.now() - this.saidAt < lineEveryMs) return;
    this.phase = checkpoint.phase;
    this.saidAt = this.now();
    process.stderr.write(`${text}\n`);
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
  }
}

/** What a run will take, before it begins. */
export function estimateInWords({ passes, profiles, reading, writing }: Estimate): string {
  const counts = `${things(passes, 'pass', 'passes')} at The Wallet Crew, about ${things(profiles, 'profile')} in Klaviyo`;
  const read = `reading them takes ${amount(reading.calls.passes)} and ${things(reading.calls.profiles, 'call')}, at least ${inWords(reading.leastMs)}`;
  return `${counts}; ${read}. Were nothing known yet, up to ${things(writing.events, 'event')} and ${things(writing.profiles, 'profile')} would be written${writing.tokens > 0 ? ` and ${things(writing.tokens, 'token')} asked for` : ''}, at least ${inWords(writing.leastMs)}.`;
}

function inWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return ms < 60_000 ? `${Math.ceil(ms / 1_000)} s` : minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
