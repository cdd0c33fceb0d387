import { driftKinds, firstCheckpoint, phases, progressOf, reportOf, withRefusal, type DriftKind, type EndedRun, type RepairFate } from '#core';
import { checkpointWith, endedRun, fate, refusal, type Counts } from '../../support/ended-runs.js';

const verdict = (counts: Counts, more: Partial<EndedRun> = {}) => {
  const { worry, says } = reportOf(endedRun(counts, more)).verdict;
  return `${worry}: ${says.replaceAll('\u00a0', ' ')}`;
};
const heard = (Apple: [heard: number, unheard: number], Google: [heard: number, unheard: number]) => ({
  heard: { Apple: { heard: Apple[0], unheard: Apple[1] }, Google: { heard: Google[0], unheard: Google[1] } },
});
/** So many of the wrong statuses were refused before, and the others fared like this. */
const refusedBefore = (before: number, count: number, ...fates: RepairFate[]) => ({ checkpoint: checkpointWith({}, { found: { 'status-wrong': { count, refusedBefore: before, samples: [] } } }), fates });
const dry = { options: { dryRun: true, only: [] }, fates: [] };

describe('the verdict', () => {
  it.each<[string, Counts, Partial<EndedRun>, string]>([
    ['nothing was found', {}, {}, 'no: Both sides agree: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['one thing was found and repaired', { 'status-wrong': 1 }, {}, 'no: Both sides agree: 1 difference in 10 050 passes and 10 000 profiles was found and repaired.'],
    ['everything found is repaired', { 'status-wrong': 9, 'token-missing': 3 }, {}, 'no: Both sides agree: 12 differences in 10 050 passes and 10 000 profiles were found and repaired.'],
    ['only tokens were looked at', {}, { options: { dryRun: false, only: ['tokens'] } }, 'no: Both sides agree on tokens: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['only what changed lately was looked at', {}, { options: { dryRun: false, only: [], since: Date.UTC(2026, 2, 1, 8, 30) } }, 'no: Both sides agree on what changed since 2026-03-01 08:30 UTC: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['only tokens that changed lately were', {}, { options: { dryRun: false, only: ['tokens'], since: Date.UTC(2026, 2, 1, 8, 30) } }, 'no: Both sides agree on tokens, on what changed since 2026-03-01 08:30 UTC: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['a brand starts and Klaviyo holds nobody yet', { 'registration-unheard': 40, 'install-unheard': 60 }, { checkpoint: checkpointWith({ 'registration-unheard': 40, 'install-unheard': 60 }, { profiles: { stretches: [], read: 0 } }) }, 'no: Both sides agree: 100 differences in 10 050 passes were found and repaired.'],
    ['one pass was read', {}, { checkpoint: checkpointWith({}, { passes: { next: 1, read: 1 }, profiles: { stretches: [], read: 1 } }) }, 'no: Both sides agree: nothing was wrong in 1 pass and 1 profile.'],
    ['a dry run finds nothing', {}, dry, 'no: Both sides agree: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['a dry run finds what can be repaired', { 'status-wrong': 1200 }, dry, 'look: A dry run found 1 200 differences in 10 050 passes and 10 000 profiles and changed nothing; a run would repair all of them.'],
    ['a dry run finds one thing', { 'status-wrong': 1 }, dry, 'look: A dry run found 1 difference in 10 050 passes and 10 000 profiles and changed nothing; a run would repair it.'],
    ['a dry run finds what was refused before', { 'status-wrong': 1 }, { ...dry, checkpoint: checkpointWith({}, { found: { 'status-wrong': { count: 3, refusedBefore: 2, samples: [] } } }) }, 'look: A dry run found 3 differences in 10 050 passes and 10 000 profiles and changed nothing; a run would repair 1 of them.'],
    ['a dry run finds what people decide', { 'status-wrong': 4, 'profile-duplicated': 2 }, dry, 'look: A dry run found 6 differences in 10 050 passes and 10 000 profiles and changed nothing; a run would repair 4 of them.'],
    ['something is for people to decide', { 'consent-differs': 2, 'status-wrong': 10 }, {}, 'look: 2 of 12 differences are left: 2 for people to decide.'],
    ['somebody has yet to confirm', { 'consent-unconfirmed': 40, 'status-wrong': 2 }, {}, 'no: Both sides agree: 2 differences in 10 050 passes and 10 000 profiles were found and repaired.'],
    ['few repairs were refused', { 'status-wrong': 120 }, { fates: [fate('status-wrong', 119, 1)] }, 'look: 1 of 120 differences is left: 1 refused.'],
    ['some repairs are on their way, some refused, some not ours', { 'status-wrong': 9, 'profile-duplicated': 1 }, { fates: [fate('status-wrong', 5, 1, 3)] }, 'look: 5 of 10 differences are left: 1 for people to decide, 1 refused, 3 not answered yet.'],
    ['many repairs were refused', { 'status-wrong': 120 }, { fates: [fate('status-wrong', 83, 37)] }, 'yes: 37 of 120 repairs were refused; the reasons are below.'],
    ['ten were refused among very many', { 'status-wrong': 1000 }, { fates: [fate('status-wrong', 990, 10)] }, 'look: 10 of 1 000 differences are left: 10 refused.'],
    ['a quiet night finds only what was refused before', {}, refusedBefore(12, 12), 'look: 12 of 12 differences are left: 12 refused before.'],
    ['a busy night finds what was refused before', {}, refusedBefore(12, 112, fate('status-wrong', 99, 1)), 'look: 13 of 112 differences are left: 1 refused, 12 refused before.'],
    ['many repairs are refused beside what was refused before', {}, refusedBefore(12, 52, fate('status-wrong', 0, 40)), 'yes: 40 of 40 repairs were refused; the reasons are below.'],
    ['a dry run finds only what was refused before', {}, { ...refusedBefore(12, 12), ...dry }, 'look: A dry run found 12 differences in 10 050 passes and 10 000 profiles and changed nothing; a run would repair none of them.'],
    ['Klaviyo drops events a second time', {}, { checkpoint: checkpointWith({}, { found: { 'event-not-seen': { count: 20, refused: 20, samples: [] } } }) }, 'yes: 20 of 20 repairs were refused; the reasons are below.'],
    ['an opt-out could not be taken over', { 'opt-out-unheard': 3 }, { fates: [fate('opt-out-unheard', 2, 1)] }, 'yes: 1 opt-out in Klaviyo could not be taken over: we do not know of a no that was said.'],
    ['opt-outs are taken over', { 'opt-out-unheard': 3 }, {}, 'no: Both sides agree: 3 differences in 10 050 passes and 10 000 profiles were found and repaired.'],
    ['one wallet is silent', { 'install-unheard': 43 }, { checkpoint: checkpointWith({ 'install-unheard': 43 }, heard([900, 0], [2, 43])) }, 'yes: Webhooks for Google Wallet seem to have stopped: of 45 new installs, no webhook told us about 43.'],
    ['both wallets are silent', {}, { checkpoint: checkpointWith({}, heard([0, 1000], [0, 200])) }, 'yes: Webhooks for Apple and Google Wallet seem to have stopped: of 1 200 new installs, no webhook told us about 1 200.'],
    ['single webhooks were lost', { 'install-unheard': 4 }, { checkpoint: checkpointWith({ 'install-unheard': 4 }, heard([0, 4], [900, 3])) }, 'no: Both sides agree: 4 differences in 10 050 passes and 10 000 profiles were found and repaired.'],
    ['half of the webhooks were lost', {}, { checkpoint: checkpointWith({}, heard([50, 50], [0, 0])) }, 'no: Both sides agree: nothing was wrong in 10 050 passes and 10 000 profiles.'],
    ['the run was cancelled', { 'status-wrong': 3 }, { status: 'cancelled', checkpoint: checkpointWith({ 'status-wrong': 3 }, { phase: 'profiles' }) }, 'look: The run was cancelled while reading profiles; by then it had found 3 differences.'],
    ['the run was cancelled before it found anything', {}, { status: 'cancelled', checkpoint: checkpointWith({}, { phase: 'passes' }) }, 'look: The run was cancelled while reading passes; by then it had found no difference.'],
    ['the run failed', {}, { status: 'failed', code: 'KLAVIYO_KEY_REFUSED', checkpoint: checkpointWith({}, { phase: 'profiles' }) }, 'yes: The run failed while reading profiles, so not everything is compared. Klaviyo refused the API key. Check `klaviyo.apiKey`. Everything waits until it works. (KLAVIYO_KEY_REFUSED)'],
    ['the run failed and nobody knows why', {}, { status: 'failed', checkpoint: checkpointWith({}, { phase: 'passes' }) }, 'yes: The run failed while reading passes, so not everything is compared.'],
  ])('where %s', (_, counts, more, expected) => {
    expect(verdict(counts, more)).toBe(expected);
  });

  it('never calms anybody while something is left', () => {
    const kinds = Object.keys(driftKinds) as DriftKind[];
    for (const kind of kinds.filter((one) => driftKinds[one].repair !== 'awaited')) expect(reportOf(endedRun({ [kind]: 1 }, { fates: [] })).verdict.worry).not.toBe('no');
  });
});

describe('the report', () => {
  it('has a line for every kind that was looked for, in the order in which to look at them', () => {
    expect(reportOf(endedRun({})).drift.map(({ kind }) => kind)).toEqual(Object.keys(driftKinds));
    expect(reportOf(endedRun({}, { options: { dryRun: false, only: ['tokens'] } })).drift.map(({ kind }) => kind)).toEqual(['token-missing', 'token-stale']);
  });

  it('does not say that it looked for what is missing altogether when only what changed lately was read', () => {
    const lines = reportOf(endedRun({}, { options: { dryRun: false, only: [], since: 1 } })).drift.map(({ kind }) => kind);
    expect(Object.keys(driftKinds).filter((kind) => !(lines as string[]).includes(kind))).toEqual(['pass-gone', 'profile-missing', 'person-unreachable']);
  });

  it('says nothing about the share of passes in wallets when only those that changed lately were read', () => {
    const adoption = { passes: 2, Apple: 0, Google: 2, any: 2 };
    const reportSince = (since?: number) => reportOf(endedRun({}, { checkpoint: checkpointWith({}, { adoption, installs: { '2026-03': { Apple: 0, Google: 2 } } }), options: { dryRun: false, only: [], ...(since === undefined ? {} : { since }) } }));
    expect(reportSince()).toMatchObject({ adoption, installs: { '2026-03': { Google: 2 } } });
    expect(reportSince(1)).toMatchObject({ adoption: firstCheckpoint().adoption, installs: {} });
  });

  it('says of each kind what was there before and what is left after', () => {
    const { drift } = reportOf(endedRun({ 'status-wrong': 10, 'profile-duplicated': 2 }, { fates: [fate('status-wrong', 6, 1, 3)] }));
    expect(drift.filter(({ found }) => found > 0)).toEqual([
      { kind: 'status-wrong', found: 10, repaired: 6, refused: 1, refusedBefore: 0, left: 3 + 1, samples: [{ personId: 'person-of-status-wrong' }] },
      { kind: 'profile-duplicated', found: 2, repaired: 0, refused: 0, refusedBefore: 0, left: 2, samples: [{ personId: 'person-of-profile-duplicated' }] },
    ]);
  });

  it('leaves everything as it found it in a dry run', () => {
    for (const { found, left, repaired } of reportOf(endedRun({ 'status-wrong': 10, 'token-stale': 2 }, dry)).drift) expect({ repaired, left }).toEqual({ repaired: 0, left: found });
  });

  it('counts what was refused for the same reason together, although Klaviyo gives each error an id of its own', () => {
    const words = (id: string) => `invalid: Invalid phone number. (error 1c195f42-8812-4d6d-a1fc-${id})`;
    const said = ['b12345678a0b', 'b12345678a0c', 'b12345678a0d'].reduce((refusals, id) => withRefusal(refusals, { code: 'KLAVIYO_REFUSED_ITEM', words: words(id), deliveryId: id }, 'p-1'), [refusal(1, 'Invalid city.')]);
    expect(said).toEqual([{ code: 'KLAVIYO_REFUSED_ITEM', words: 'invalid: Invalid phone number.', count: 3, sample: { personId: 'p-1', deliveryId: 'b12345678a0b' } }, refusal(1, 'Invalid city.')]);
  });

  it('names the reason that refused most first', () => {
    expect(reportOf(endedRun({}, { refusals: [refusal(2, 'rare'), refusal(9, 'frequent')] })).refusals.map(({ words }) => words)).toEqual(['frequent', 'rare']);
  });

  it('measures its time against the slower of the two readings', () => {
    // 101 calls at 200 a minute and 100 at 300.
    expect(reportOf(endedRun({}))).toMatchObject({ tookMs: 31_000, leastMs: 30_300 });
    const pace = { walletCrewCalls: 10_000, profilePages: 300, events: 10_000, profiles: 20_000 };
    expect(reportOf(endedRun({}, { pace })).leastMs).toBe(20_000);
  });

  it('counts what the repairs ask for as well: two calls for a token, events and profiles in bulk', () => {
    // 101 pages and 2 × 500 calls at 200 a minute.
    expect(reportOf(endedRun({}, { asked: { events: 500, profiles: 500, tokens: 500 } }))).toMatchObject({ asked: { tokens: 500 }, leastMs: 330_300 });
    expect(reportOf(endedRun({}, { asked: { events: 10_000, profiles: 5_000, tokens: 0 } })).leastMs).toBe(60_000);
    expect(reportOf(endedRun({}, { asked: { events: 0, profiles: 40_000, tokens: 0 } })).leastMs).toBe(120_000);
  });

  it('calls refused what was refused before this run, which did not try it again, and says why', () => {
    const before = checkpointWith({}, { found: { 'status-wrong': { count: 3, refusedBefore: 2, samples: [] }, 'profile-missing': { count: 1, refusedBefore: 1, samples: [] } }, refusals: [refusal(3, 'Invalid phone number.')] });
    const report = reportOf(endedRun({}, { checkpoint: before, fates: [fate('status-wrong', 0, 1)], refusals: [refusal(1, 'Invalid phone number.'), refusal(1, 'Invalid city.')] }));
    expect(report.drift.filter(({ found }) => found > 0)).toMatchObject([{ kind: 'profile-missing', found: 1, repaired: 0, refused: 1, refusedBefore: 1, left: 1 }, { kind: 'status-wrong', found: 3, repaired: 0, refused: 3, refusedBefore: 2, left: 3 }]);
    expect(report.verdict.says).toBe('4 of 4 differences are left: 1 refused, 3 refused before.');
    expect(report.refusals).toMatchObject([{ count: 4, words: 'Invalid phone number.' }, { count: 1, words: 'Invalid city.' }]);
  });
});

describe('the progress of a run', () => {
  const stretches = [
    { from: 0, to: 100, at: 100, done: true },
    { from: 100, to: 200, at: 120, done: false },
  ];

  it.each([
    ['passes, of which The Wallet Crew says how many there are', { ...firstCheckpoint(), passes: { next: 3, read: 300, total: 1200 } }, { done: 300, share: 0.25 }],
    ['passes of which nobody says how many there are', { ...firstCheckpoint(), passes: { next: 3, read: 300 } }, { done: 300 }],
    ['profiles, by the time in which they were created', checkpointWith({}, { phase: 'profiles', profiles: { read: 4200, stretches } }), { done: 4200, share: 0.6 }],
    ['known persons', checkpointWith({}, { phase: 'missing', persons: { read: 77 } }), { done: 77 }],
    ['repairs, by their answers', checkpointWith({}, { phase: 'repairs' }), { done: 9, share: 0.75 }],
    ['nothing any more', checkpointWith({}), { share: 1 }],
  ])('can be drawn over %s', (_, checkpoint, expected) => {
    const progress = progressOf(checkpoint, [fate('status-wrong', 8, 1, 3)]);
    expect(progress).toMatchObject({ step: phases.indexOf(checkpoint.phase) + 1, steps: phases.length, ...expected });
    expect('share' in progress).toBe('share' in expected);
  });
});
