import type { Access, Finding, HeldWebhook } from '#core';
import { accessFindings, listFindings, metricFindings } from '../../../libs/core/src/recipes/marketing-findings.js';
import { passFindings, webhookFindings } from '../../../libs/core/src/recipes/wallet-findings.js';
import { rules, start, day } from '../../support/stories.js';

const inShort = (findings: Finding[]) => findings.map(({ what, state }) => `${what}: ${state}`);
const away = { code: 'KLAVIYO_UNAVAILABLE' as const, words: 'HTTP 503.' };

describe('what Klaviyo answers', () => {
  const access = (more: Partial<Access> = {}): Access => ({ account: { id: 'ACC001', isTest: false }, retiresAt: start + 400 * day, scopes: [], ...more });
  const scope = (state: Access['scopes'][number]['state'], needed: 'always' | 'setup' = 'always') => access({ scopes: [{ name: 'events:read', says: 'reading back', needed, state }] });

  it.each([
    ['a scope that is granted', scope('granted'), false, 'good'],
    ['a scope that only writing would prove', scope('unproven'), false, 'unproven'],
    ['a scope that the key lacks', scope('missing'), false, 'missing'],
    ['a scope that only creating needs, while nothing is created', scope('missing', 'setup'), false, 'unproven'],
    ['a scope that creating needs', scope('missing', 'setup'), true, 'missing'],
    ['a scope that could not be asked for', scope('unasked'), false, 'missing'],
  ])('%s', (_what, answer, creates, state) => {
    expect(accessFindings(answer, { creates }, start).at(-1)).toMatchObject({ what: 'scope events:read', state });
  });

  it('names the scope and what to do about it', () => {
    expect(accessFindings(scope('missing'), { creates: false }, start).at(-1)!.fix).toMatch(/events:read/);
  });

  it('says whose key it is, and until when our revision is served', () => {
    expect(accessFindings(access(), { creates: false }, start)).toEqual([
      { at: 'klaviyo', what: 'account', state: 'good', says: 'ACC001, not a test account' },
      { at: 'klaviyo', what: 'API revision', state: 'good', says: 'served until 2027-02-09' },
    ]);
    expect(accessFindings(access({ retiresAt: start + 30 * day }), { creates: false }, start)[1]).toMatchObject({ state: 'good', fix: 'Upgrade the connector.' });
    expect(accessFindings(access({ retiresAt: start - day }), { creates: false }, start)[1]).toMatchObject({ state: 'missing' });
  });

  it('is only this when nothing can be asked', () => {
    expect(accessFindings(away, { creates: false }, start)).toEqual([{ at: 'klaviyo', what: 'API key', state: 'missing', says: 'KLAVIYO_UNAVAILABLE: HTTP 503.', fix: expect.any(String) as unknown }]);
  });

  it('about lists: those of the configuration, and consents without one', () => {
    const own = rules({ consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: 'SMS' } } });
    expect(inShort(listFindings([{ id: 'NEWS', name: 'Newsletter', optIn: 'double' }], own))).toEqual(['list NEWS: good', 'list SMS: missing']);
    expect(listFindings([{ id: 'NEWS', name: 'Newsletter', optIn: 'double' }], own)[0]!.says).toBe('Newsletter, double opt-in');
    const { listId: _none, ...without } = own;
    expect(inShort(listFindings([{ id: 'SMS', name: 'SMS', optIn: 'single' }], without))).toEqual(['list SMS: good', 'consent consents_email: unproven']);
    expect(inShort(listFindings(away, own))).toEqual(['lists: missing']);
  });

  it('about metrics: those without events yet, and those that are spelled otherwise', () => {
    const findings = metricFindings(['Wallet Registered', 'wallet pass installed', 'Placed Order'], rules());
    expect(inShort(findings)).toEqual(['metrics: good', 'metrics: unproven', 'metrics: unproven']);
    expect(findings[2]!.says).toBe('spelled otherwise than in the configuration: wallet pass installed');
  });
});

describe('what The Wallet Crew answers', () => {
  const two = rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } });

  it('about pass types: those that belong to no kind are named', () => {
    expect(passFindings({ types: ['gift', 'loyalty'], read: 9 }, two).at(-1)).toMatchObject({ what: 'pass types', state: 'good' });
    expect(passFindings({ types: ['gift', 'ticket'], read: 9 }, two).at(-1)).toMatchObject({ state: 'missing', says: 'belong to no pass kind: ticket', fix: expect.stringContaining('passKinds') as unknown });
    // With one kind, every type is of that kind.
    expect(passFindings({ types: ['ticket'], read: 9 }, rules()).at(-1)).toMatchObject({ state: 'good' });
  });

  const url = 'https://connector.shop.example';
  const hook = (more: Partial<HeldWebhook> = {}): HeldWebhook => ({ endpoint: `${url}/api/acme/webhooks/listeners/wallet-crew`, events: ['Customer:*', 'Pass:*'], enabled: true, hasOurSecret: true, ...more });
  const found = (hooks: HeldWebhook[] | 'unknown', at?: string) => webhookFindings(hooks, { rules: two, creates: false, ...(at === undefined ? {} : { url: at }) });

  it.each([
    ['one that leads here', [hook()], url, ['webhook: good']],
    ['one that leads here, as far as its path says', [hook()], undefined, ['webhook: good']],
    ['one that listens to everything', [hook({ events: ['*'] })], url, ['webhook: good']],
    ['one spelled as the reference spells it', [hook({ events: ['customer.*', 'pass.created', 'pass.updated', 'pass.installed', 'pass.uninstalled'] })], url, ['webhook: good']],
    ['one that leads elsewhere', [hook({ endpoint: 'https://other.example/api/acme/webhooks/listeners/wallet-crew' })], url, ['webhook: missing']],
    ['one of another tenant', [hook({ endpoint: `${url}/api/other/webhooks/listeners/wallet-crew` })], undefined, ['webhook: missing']],
    ['none', [], url, ['webhook: missing']],
    ['one that is switched off', [hook({ enabled: false })], url, ['webhook: missing']],
    ['one that lacks events', [hook({ events: ['Customer:*', 'Pass:Created'] })], url, ['webhook: good', 'webhook events: missing']],
    ['two that have all events together', [hook({ events: ['Customer:*'] }), hook({ events: ['Pass:*'] })], url, ['webhook: good']],
    ['one that signs with another secret', [hook({ hasOurSecret: false })], url, ['webhook: good', 'webhook secret: missing']],
    ['a key that may not ask', 'unknown' as const, url, ['webhook: unproven']],
  ])('about webhooks: %s', (_what, hooks, at, expected) => {
    expect(inShort(found(hooks, at))).toEqual(expected);
  });

  it('names the events that are missing', () => {
    expect(found([hook({ events: ['Customer:*', 'Pass:Created'] })], url)[1]!.says).toBe('lacks Pass:Updated, Pass:Installed, Pass:Uninstalled');
  });
});
