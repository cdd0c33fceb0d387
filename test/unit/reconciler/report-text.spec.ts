import { stripVTControlCharacters } from 'node:util';
import { firstCheckpoint, reportOf, type Run } from '#core';
import { reportText } from '#runtime';
import { checkpointWith, endedRun, fate, refusal, type Counts } from '../../support/ended-runs.js';

const begun: Run = { id: 'run-1', tenant: 'acme', options: { dryRun: false, only: [] }, status: 'running', startedAt: Date.parse('2026-11-27T02:00:00Z'), resumed: 0, checkpoint: firstCheckpoint() };

const wide = 140;

function textAfter(counts: Counts, ended: Parameters<typeof endedRun>[1] = {}, run: Partial<Run> = {}, columns = wide): string {
  return stripVTControlCharacters(reportText({ ...begun, status: 'done', ...run, report: reportOf(endedRun(counts, ended)) }, columns)).replaceAll('\u00a0', ' ');
}

describe('the report on a terminal', () => {
  it('begins with the verdict', () => {
    expect(textAfter({ 'status-wrong': 12 }).split('\n')[0]).toBe('✓ nothing to worry about: Both sides agree: 12 differences in 10 050 passes and 10 000 profiles were found and repaired.');
    expect(textAfter({ 'consent-differs': 1 }).split('\n')[0]).toMatch(/^• worth a look: 1 of 1 difference is left/);
    expect(textAfter({}, { checkpoint: checkpointWith({}, { heard: { Apple: { heard: 0, unheard: 9 }, Google: { heard: 0, unheard: 0 } } }) }).split('\n')[0]).toMatch(/^✗ worry: Webhooks for Apple Wallet/);
  });

  it('says which run it is, and how it was made', () => {
    expect(textAfter({})).toContain('acme · run run-1 · done · began 2026-11-27 02:00 UTC\n');
    expect(textAfter({}, {}, { resumed: 2, options: { dryRun: true, only: [], since: 0 } })).toContain('· dry run · changes since 1970-01-01T00:00:00.000Z · resumed 2 ×\n');
  });

  it('counts by kind, the numbers one below the other, with an example to ask about', () => {
    const lines = textAfter({ 'status-wrong': 1200, 'token-stale': 3 }, { fates: [fate('status-wrong', 1199, 1), fate('token-stale', 3)] }).split('\n');
    const [wrong, stale] = ['status-wrong', 'token-stale'].map((kind) => lines.find((line) => line.startsWith(kind))!);
    expect(wrong).toMatch(/^status-wrong +1 200 +1 199 +1 +1 +A profile says another wallet status than the truth\.$/);
    expect(stale!.indexOf(' 3 ')).toBe(wrong!.indexOf('1 200') + 3);
    expect(lines.some((line) => line.trim() === 'person person-of-status-wrong')).toBe(true);
  });

  it('fits a terminal of eighty columns: what a kind is stands below its counts', () => {
    const refused = refusal(3, 'The phone number provided either does not exist or is ineligible to receive SMS, and neither is it one for calls.');
    const text = textAfter({ 'consent-differs': 1200, 'token-stale': 3 }, { refusals: [refused], checkpoint: checkpointWith({ 'consent-differs': 1200, 'token-stale': 3 }, { heard: { Apple: { heard: 0, unheard: 9 }, Google: { heard: 0, unheard: 0 } } }) }, {}, 80);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).toMatch(/^consent-differs +1 200 +0 +0 +1 200\n {2}We asked for a subscription that Klaviyo does not hold, [^]*\n {2}person person-of-consent-differs\n/m);
  });

  it('says what it looked for and did not find', () => {
    expect(textAfter({}, { options: { dryRun: false, only: ['tokens'] } })).toContain('Nothing found of: token-missing, token-stale.');
    // It has not looked for all.
    expect(textAfter({}, { status: 'failed' })).not.toContain('Nothing found of');
  });

  it('says why repairs were refused, in the words of Klaviyo', () => {
    const text = textAfter({ 'status-wrong': 3 }, { refusals: [refusal(3, 'Invalid phone number format.')] });
    expect(text).toMatch(/^ +3 +Invalid phone number format\.$/m);
    expect(text).toContain('KLAVIYO_REFUSED_ITEM, for example delivery delivery-1');
  });

  it('lets no word of a vendor move the cursor', () => {
    const text = reportText({ ...begun, report: reportOf(endedRun({}, { refusals: [refusal(1, 'gone\u001b[2J\u001b[1;1H\r\n\u0007all well')] })) }, wide);
    for (const cursor of ['\u001b[2J', '\u001b[1;1H', '\r', '\u0007']) expect(text).not.toContain(cursor);
    expect(text).toContain('gone all well');
  });

  it('measures the time against what the limits ask for', () => {
    expect(textAfter({})).toContain('Took 31 s, 1.02 × the 30 s that the limits ask for at least: 10 050 passes in 101 calls, 10 000 profiles in 100, 0 events in 3.');
    expect(textAfter({}, { asked: { events: 4_200, profiles: 7, tokens: 0 } })).toContain(' 0 events in 3. Repairs: 4 200 events, 7 profiles.');
    expect(textAfter({}, { asked: { events: 1, profiles: 1, tokens: 1 } })).toContain(' Repairs: 1 event, 1 profile, 1 token.');
    expect(textAfter({}, { tookMs: 4.2 * 3_600_000 })).toContain('Took 4 h 12 min, ');
    expect(textAfter({}, { tookMs: 1_234, checkpoint: firstCheckpoint() })).toContain('Took 1.2 s: 0 passes');
  });

  it('does not call a small tenant slow, whose run the limits would let end at once', () => {
    const read = (calls: number) => ({ checkpoint: checkpointWith({}, { calls: { passes: calls, profiles: 0, events: 0 } }) });
    expect(textAfter({}, { ...read(1), tookMs: 2_200 })).toContain('Took 2.2 s: 10 050 passes in 1 call');
    expect(textAfter({}, { ...read(33), tookMs: 20_000 })).toContain('Took 20 s: ');
    expect(textAfter({}, { ...read(34), tookMs: 20_000 })).toContain('Took 20 s, 1.96 × the 10 s that the limits ask for at least: ');
  });

  it('says of a run without a report what it is', () => {
    expect(stripVTControlCharacters(reportText(begun))).toBe('acme · run run-1 · running · began 2026-11-27 02:00 UTC\n');
  });
});
