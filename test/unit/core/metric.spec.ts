import fc from 'fast-check';
import { defaultMetrics, fingerprint, type MetricKind, type WalletEvent } from '#core';
import { aCustomer, commandsOf, day, event, live, rules, start } from '../../support/stories.js';

const told = (kind: WalletEvent['kind'], own: Partial<WalletEvent> = {}) => event(kind, { identifiers: { customerId: 'C-42' }, ...(kind.startsWith('pass-') ? { pass: { id: 'P-1' } } : {}), ...own });
const track = (happened: WalletEvent, rule = rules(), now = start) => commandsOf(live([happened], rule, now), 'track')[0];
const idOf = (happened: WalletEvent, rule = rules()) => track(happened, rule)!.uniqueId;

describe('the event that Klaviyo counts', () => {
  it.each([
    ['registered', 'Wallet Registered'],
    ['pass-created', 'Wallet Pass Created'],
    ['pass-updated', 'Wallet Pass Updated'],
    ['pass-installed', 'Wallet Pass Installed'],
    ['pass-uninstalled', 'Wallet Pass Uninstalled'],
  ] as const)('%s is counted as "%s"', (kind, metric) => {
    expect(track(told(kind, { wallet: 'Apple' }))).toMatchObject({ metric, at: start });
  });

  it('an update of the customer only changes the profile', () => {
    expect(live([told('customer-updated')]).commands.map((command) => command.do)).toEqual(['upsert-profile']);
  });

  it('has the name the tenant gives it, or is not sent where the tenant wants none', () => {
    const rule = rules({ metrics: { ...rules().metrics, 'pass-created': 'Carte créée', 'pass-updated': null } });
    expect(track(told('pass-created'), rule)!.metric).toBe('Carte créée');
    expect(track(told('pass-updated'), rule)).toBeUndefined();
  });

  it('carries flat properties as the sibling connector names them', () => {
    const happened = told('pass-installed', {
      identifiers: { 'customerId': 'C-42', 'y2.customerId': 'Y-1' },
      pass: { id: 'P-1', type: 'loyalty' },
      wallet: 'Apple',
      activeRegistrations: 1,
      totalRegistrations: 3,
      source: { tags: ['store', 'paris'], medium: 'qr', origin: 'https://shop.example' },
      metadata: { 'tier': 'Gold', 'store.id': 7, 'vip': true },
    });
    expect(track(happened)!.properties).toEqual({
      passId: 'P-1',
      passKind: 'loyaltyCard',
      passType: 'loyalty',
      device: 'apple',
      activeRegistrationCount: 1,
      totalRegistrationCount: 3,
      source_tags: ['store', 'paris'],
      source_medium: 'qr',
      source_origin: 'https://shop.example',
      identifier_customerId: 'C-42',
      identifier_y2_customerId: 'Y-1',
      metadata_tier: 'Gold',
      metadata_store_id: 7,
      metadata_vip: true,
    });
  });

  it('repeats neither e-mail nor phone', () => {
    const identifiers = { customerId: 'C-42', email: 'ana@example.com', mobile: '+33612345678', emailAddress: 'other@example.com', crm_email: 'third@example.com', phoneHome: '+33600000000' };
    expect(JSON.stringify(track(told('pass-created', { identifiers })))).not.toMatch(/@|\+33/);
  });

  it.each([
    ['just now', 0, false],
    ['exactly as old as allowed', day, false],
    ['older than allowed', day + 1, true],
    ['years ago', 900 * day, true],
    ['by a clock that runs ahead', -day, false],
  ])('what happened %s fires flows accordingly', (_when, age, backfill) => {
    expect(track(told('pass-created'), rules(), start + age)!.backfill).toBe(backfill);
  });

  it('is as old as the tenant says before it is history', () => {
    expect(track(told('pass-created'), rules({ lateAfterMs: 0 }), start + 1)!.backfill).toBe(true);
  });
});

describe('the unique id of an event', () => {
  it('is the same whoever computes it: this very text would change only with a migration', () => {
    expect(idOf(told('pass-installed', { wallet: 'Apple' }))).toBe('pass-installed-26vrw35c6bs2736hplnlyq');
  });

  it('does not depend on how the event was told', () => {
    const id = idOf(told('pass-installed', { wallet: 'Apple' }));
    expect(idOf(told('pass-installed', { wallet: 'Apple', name: 'wallet_installed', metadata: { tier: 'Gold' }, identifiers: { email: 'ana@example.com' }, pass: { id: 'P-1', type: 'loyalty' } }))).toBe(id);
  });

  it.each<[string, WalletEvent, ReturnType<typeof rules>]>([
    ['another time', told('pass-installed', { wallet: 'Apple', at: start + 1 }), rules()],
    ['another wallet', told('pass-installed', { wallet: 'Google' }), rules()],
    ['another pass', told('pass-installed', { wallet: 'Apple', pass: { id: 'P-2' } }), rules()],
    ['another kind', told('pass-uninstalled', { wallet: 'Apple' }), rules()],
    ['another tenant', told('pass-installed', { wallet: 'Apple' }), rules({ tenant: 'other' })],
  ])('is another one for %s', (_what, other, rule) => {
    expect(idOf(other, rule)).not.toBe(idOf(told('pass-installed', { wallet: 'Apple' })));
  });

  it('of a registration is the customer\'s, whenever and however often it is told', () => {
    const id = idOf(told('registered', { identifiers: { customerId: 'C-42', email: 'ana@example.com' } }));
    expect(idOf(told('registered', { at: start + 5, identifiers: { customerId: 'C-42' } }))).toBe(id);
    expect(idOf(told('registered', { identifiers: { customerId: 'C-43' } }))).not.toBe(id);
  });

  it('of a registration that names no customer id is the e-mail\'s, or else the phone\'s, without showing it', () => {
    const id = idOf(told('registered', { identifiers: { email: 'ana@example.com', phone: '+33612345678' } }));
    expect(id).toBe(idOf(told('registered', { identifiers: { email: 'Ana@Example.com' } })));
    expect(id).not.toMatch(/ana|336/);
    expect(idOf(told('registered', { identifiers: { phone: '+33612345678' } }))).toBe(idOf(told('registered', { identifiers: { mobile: '+33 612345678' } })));
  });

  it('has 1 to 255 characters, whatever the sender writes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(defaultMetrics) as MetricKind[])), fc.string({ minLength: 1, maxLength: 2_000 }), fc.string({ maxLength: 2_000 }), (kind, passId, customerId) => {
        const id = idOf(told(kind, { identifiers: { customerId, key: 'k' }, pass: { id: passId }, wallet: 'Google' }));
        expect(id).toMatch(/^[a-z-]+-[0-9a-z]{22}$/);
        expect(id.length).toBeLessThanOrEqual(255);
      }),
    );
  });

  it('does not collide over thirty thousand passes', () => {
    expect(new Set(Array.from({ length: 30_000 }, (_, i) => fingerprint(`acme pass-created P-${i}  ${start}`))).size).toBe(30_000);
  });

  it('is told once, though the happening is delivered many times', () => {
    const events = aCustomer('C-42').enrolled().installed('apple').events;
    expect(live([...events, ...events, ...events]).tracks.size).toBe(2);
  });
});
