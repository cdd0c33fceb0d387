import { hasNewerConsent, hasNewerOptOut, oppositeIsNewer } from '../../../libs/klaviyo/src/consent-state.js';
import { consent, outgoing, withdrawal } from './fakes.js';

const now = Date.UTC(2026, 8, 1, 12);
const saidYes = Date.UTC(2026, 8, 1, 10, 0, 0, 500);
const older = '2026-09-01T09:59:59.000000+00:00';
const newer = '2026-09-01T10:00:01.000000+00:00';
const sameSecond = '2026-09-01T10:00:00+00:00';

const email = (marketing: object) => ({ subscriptions: { email: { marketing } } });
const optedOut = (marketing: object, list: string | undefined = 'L1') => hasNewerOptOut(email(marketing), outgoing(consent({ consentedAt: saidYes })), list, now);

describe('An old consent is not sent again', () => {
  it.each([
    ['an unsubscribe is newer', { consent: 'UNSUBSCRIBED', consent_timestamp: newer }],
    ['an unsubscribe was last touched later than it was given', { consent: 'UNSUBSCRIBED', consent_timestamp: older, last_updated: newer }],
    ['an unsubscribe has no readable time', { consent: 'UNSUBSCRIBED', consent_timestamp: null }],
    ['an unsubscribe is of the same second', { consent: 'UNSUBSCRIBED', consent_timestamp: sameSecond }],
    ['a spam complaint is newer', { consent: 'SUBSCRIBED', suppression: [{ reason: 'SPAM_COMPLAINT', timestamp: newer }] }],
    ['somebody suppressed the profile later', { consent: 'SUBSCRIBED', suppression: [{ reason: 'USER_SUPPRESSED', timestamp: newer }] }],
    ['the person left this list later', { consent: 'SUBSCRIBED', list_suppressions: [{ list_id: 'L1', reason: 'UNSUBSCRIBE', timestamp: newer }] }],
  ])('when %s', (_, marketing) => {
    expect(optedOut(marketing)).toBe(true);
  });
});

describe('A consent is sent', () => {
  it.each([
    ['Klaviyo never heard of one', { consent: 'NEVER_SUBSCRIBED' }],
    ['the unsubscribe is older', { consent: 'UNSUBSCRIBED', consent_timestamp: older, last_updated: older }],
    ['the suppression is older', { suppression: [{ reason: 'UNSUBSCRIBE', timestamp: older }] }],
    ['a bounce is newer, because a bounce is no decision of the person', { suppression: [{ reason: 'HARD_BOUNCE', timestamp: newer }] }],
    ['the person left another list later', { list_suppressions: [{ list_id: 'L2', reason: 'UNSUBSCRIBE', timestamp: newer }] }],
    ['Klaviyo says nothing about subscriptions', {}],
  ])('when %s', (_, marketing) => {
    expect(optedOut(marketing)).toBe(false);
  });

  it('when only the other channel was left', () => {
    const attributes = { subscriptions: { sms: { marketing: { consent: 'UNSUBSCRIBED', consent_timestamp: newer } } } };
    expect(hasNewerOptOut(attributes, outgoing(consent({ consentedAt: saidYes })), 'L1', now)).toBe(false);
    expect(hasNewerOptOut(attributes, outgoing(consent({ consentedAt: saidYes, channel: 'sms' })), 'L1', now)).toBe(true);
  });
});

describe('A withdrawal', () => {
  const outdated = (marketing: object, joined?: string) => hasNewerConsent({ ...email(marketing), joined_group_at: joined }, outgoing(withdrawal({ withdrawnAt: saidYes })), now);

  it('is outdated by a newer consent', () => {
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: newer })).toBe(true);
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: newer, custom_method_detail: 'newsletter' }, older)).toBe(true);
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: newer, custom_method_detail: 'club' }, newer)).toBe(true);
  });

  it('stands against an older consent', () => {
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: older })).toBe(false);
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: sameSecond })).toBe(false);
    expect(outdated({ consent: 'NEVER_SUBSCRIBED', consent_timestamp: newer })).toBe(false);
  });

  it('stands when the newer consent came from another source and the person was on this list before', () => {
    expect(outdated({ consent: 'SUBSCRIBED', consent_timestamp: newer, custom_method_detail: 'club' }, older)).toBe(false);
  });
});

describe('Two choices that we sent ourselves are told apart by when they were made, not by when Klaviyo applied them', () => {
  const tenMinutes = 600_000;
  const appliedNow = new Date(now - 1000).toISOString();

  it('a withdrawal is carried out although our own older consent was applied after it', () => {
    const held = email({ consent: 'SUBSCRIBED', consent_timestamp: appliedNow });
    const no = { ...outgoing(withdrawal({ withdrawnAt: now - tenMinutes })), oppositeAt: now - 2 * tenMinutes, sinceOppositeMs: 60_000 };
    expect([oppositeIsNewer(no), hasNewerConsent(held, no, now)]).toEqual([false, false]);
  });

  it('a consent is sent although our own older withdrawal was applied after it', () => {
    const held = email({ consent: 'SUBSCRIBED', list_suppressions: [{ list_id: 'L1', reason: 'UNSUBSCRIBE', timestamp: appliedNow }] });
    const yes = { ...outgoing(consent({ consentedAt: now - tenMinutes })), oppositeAt: now - 2 * tenMinutes, sinceOppositeMs: 60_000 };
    expect([oppositeIsNewer(yes), hasNewerOptOut(held, yes, 'L1', now)]).toEqual([false, false]);
  });

  it('what is not of our doing still counts', () => {
    const yes = { ...outgoing(consent({ consentedAt: now - tenMinutes })), oppositeAt: now - 2 * tenMinutes, sinceOppositeMs: 60_000 };
    // Ours are of a list and never of the whole account.
    expect(hasNewerOptOut(email({ consent: 'UNSUBSCRIBED', consent_timestamp: appliedNow }), yes, 'L1', now)).toBe(true);
    const longAgo = { ...yes, sinceOppositeMs: 8 * 60_000 };
    expect(hasNewerOptOut(email({ list_suppressions: [{ list_id: 'L1', reason: 'UNSUBSCRIBE', timestamp: appliedNow }] }), longAgo, 'L1', now)).toBe(true);
  });

  it('a choice that was overtaken by the opposite is not sent at all', () => {
    expect(oppositeIsNewer({ ...outgoing(withdrawal({ withdrawnAt: now - tenMinutes })), oppositeAt: now - 1000 })).toBe(true);
    expect(oppositeIsNewer({ ...outgoing(consent({ consentedAt: now - tenMinutes })), oppositeAt: now - 1000 })).toBe(true);
    expect(oppositeIsNewer(outgoing(consent()))).toBe(false);
  });
});
