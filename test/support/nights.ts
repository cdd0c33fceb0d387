import { firstCheckpoint, reportOf, type EndedRun, type Run } from '#core';
import { checkpointWith, endedRun, fate, type Counts } from './ended-runs.js';
import { tenant } from './running-connector.js';

const dayMs = 86_400_000;
const newest = Date.parse('2026-11-27T02:00:00Z');

/** A night's run of so many days ago that has ended; without counts, one whose few differences are repaired. */
export function nightOf(daysAgo: number, counts: Counts = quiet(daysAgo), ended: Partial<EndedRun> = {}): Run {
  const people = 10_000 - daysAgo * 60;
  const adoption = { passes: people, Apple: Math.round(people * (0.41 - daysAgo * 0.002)), Google: Math.round(people * (0.23 - daysAgo * 0.0012)), any: Math.round(people * (0.6 - daysAgo * 0.0028)) };
  const { checkpoint = checkpointWith(counts), ...more } = ended;
  const end = endedRun(counts, { tookMs: 30_900 + ((daysAgo * 7) % 11) * 400 - daysAgo * 200, ...more, checkpoint: { ...checkpoint, adoption, installs } });
  const startedAt = newest - daysAgo * dayMs;
  return { id: `run-${daysAgo}`, tenant, options: end.options, status: end.status, startedAt, endedAt: startedAt + end.tookMs, resumed: 0, checkpoint: end.checkpoint, report: reportOf(end) };
}

/** A run that reads profiles and is 42 % through them. */
export function runAtWork(): Run {
  const checkpoint = { ...firstCheckpoint(), phase: 'profiles' as const, profiles: { read: 4200, stretches: [{ from: 0, to: 100, at: 42, done: false }] } };
  return { id: 'run-at-work', tenant, options: { dryRun: false, only: [] }, status: 'running', startedAt: newest + dayMs, resumed: 1, checkpoint };
}

function quiet(daysAgo: number): Counts {
  const spike = daysAgo === 9 ? 90 : 0;
  return { 'status-wrong': 4 + ((daysAgo * 5) % 7), 'install-unheard': (daysAgo * 3) % 5, 'token-stale': 12 + ((daysAgo * 11) % 9), 'default-missing': spike, 'detail-wrong': daysAgo % 4 === 0 ? 6 : 1, 'opt-out-unheard': daysAgo % 3 };
}

/** Some of the newest night's repairs are refused, one of them in words that would run as a program on a careless page. */
export const attack = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

export function nightWithRefusals(): Run {
  const counts: Counts = { ...quiet(0), 'status-wrong': 1240, 'consent-differs': 3, 'profile-duplicated': 2 };
  const refusals = [
    { code: 'KLAVIYO_REFUSED_ITEM' as const, words: 'Invalid phone number format (Example of a valid format: +12345678901).', count: 3, sample: { personId: 'person-1', deliveryId: '0196f7a2-6c1e-7b40-9f0e-2f6d1c7a9b11' } },
    { code: 'KLAVIYO_REFUSED_ITEM' as const, words: attack, count: 1, sample: { deliveryId: '0196f7a2-6c1e-7b40-9f0e-2f6d1c7a9b12' } },
  ];
  const fates = Object.entries(counts).map(([kind, count]) => fate(kind as keyof typeof counts & string, kind === 'status-wrong' ? count - 4 : count, kind === 'status-wrong' ? 4 : 0));
  return nightOf(0, counts, { fates, refusals });
}

/** Passes that are installed now, by month. */
const installs = Object.fromEntries(
  Array.from({ length: 14 }, (_, i) => {
    const month = new Date(Date.UTC(2025, 9 + i, 1)).toISOString().slice(0, 7);
    return [month, { Apple: 140 + ((i * 37) % 90) + i * 18, Google: 60 + ((i * 23) % 70) + i * 12 }];
  }),
);
