import { firstCheckpoint, parts, type Checkpoint, type DriftKind, type EndedRun, type Refusal, type RepairFate } from '#core';

/** How many of each kind were found. */
export type Counts = Partial<Record<DriftKind, number>>;

/** A checkpoint at its end, after 10 000 profiles. */
export function checkpointWith(counts: Counts, more: Partial<Checkpoint> = {}): Checkpoint {
  const found = Object.fromEntries(Object.entries(counts).map(([kind, count]) => [kind, { count, samples: [{ personId: `person-of-${kind}` }] }]));
  return { ...firstCheckpoint(), phase: 'done', passes: { next: 101, read: 10_050, total: 10_050 }, profiles: { stretches: [], read: 10_000 }, calls: { passes: 101, profiles: 100, events: 3 }, found, ...more };
}

/** A run that has come to its end and repaired everything, unless said otherwise. */
export function endedRun(counts: Counts, more: Partial<EndedRun> = {}): EndedRun {
  return {
    status: 'done',
    options: { dryRun: false, only: parts },
    checkpoint: checkpointWith(counts),
    fates: Object.entries(counts).map(([kind, count]) => fate(kind as DriftKind, count)),
    refusals: [],
    asked: { events: 0, profiles: 0, tokens: 0 },
    pace: { walletCrewCalls: 200, profilePages: 300, events: 10_000, profiles: 20_000 },
    tookMs: 31_000,
    ...more,
  };
}

export function fate(kind: DriftKind, repaired: number, refused = 0, open = 0): RepairFate {
  return { kind, repaired, refused, open };
}

export function refusal(count: number, words: string): Refusal {
  return { code: 'KLAVIYO_REFUSED_ITEM', words, count, sample: { personId: 'person-1', deliveryId: 'delivery-1' } };
}
