import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { newPerson, type Pass, profileOf, propertyNames, sameGroups, type SegmentRecipe, segmentsOf, syncFlow, type Wallet, type WalletStatus } from '#core';
import { asSent, segmentQuery } from '#klaviyo';
import { memberTest, type SegmentDefinition } from '../../../libs/emulators/src/klaviyo/segment.js';
import { rules } from '../../support/stories.js';

const three = rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'], eventTicket: ['ticket'] } });
const subjects = ['Wallet', ...Object.keys(three.passKinds).map((kind) => `Wallet ${kind}`)];
const recipes = segmentsOf(three);
const named = (name: string) => recipes.find((recipe) => recipe.name === name)!;

/** Whether a profile with these properties is in the segment, as Klaviyo reads the request that creates it. */
function holds(recipe: SegmentRecipe, properties: Record<string, unknown>): boolean {
  const { data } = asSent(segmentQuery(recipe)) as { data: { attributes: { definition: SegmentDefinition } } };
  return memberTest(data.attributes.definition)({ properties } as Parameters<ReturnType<typeof memberTest>>[0]);
}
const among = (subject: string, properties: Record<string, unknown>) => ['installed', 'not installed', 'uninstalled'].filter((name) => holds(named(`${subject}: ${name}`), properties));

const view = fc.record({ status: fc.constantFrom('Installed' as const, 'Uninstalled' as const), at: fc.integer({ min: 1, max: 99 }) });
const passes = fc.array(
  fc.record({ kind: fc.constantFrom(...Object.keys(three.passKinds)), Apple: fc.option(view, { nil: undefined }), Google: fc.option(view, { nil: undefined }) }),
  { maxLength: 5 },
).map((all): Record<string, Pass> => Object.fromEntries(all.map(({ kind, Apple, Google }, i) => [`P-${i}`, { id: `P-${i}`, kind, kindAt: 0, typeAt: 0, wallets: { ...(Apple ? { Apple } : {}), ...(Google ? { Google } : {}) } }])));

/** The truth, told without the roll-up of profiles. */
function truth(all: Pass[]): string {
  const views = all.flatMap(({ wallets }) => (['Apple', 'Google'] as Wallet[]).flatMap((wallet) => wallets[wallet]?.status ?? []));
  return views.includes('Installed') ? 'installed' : views.length > 0 ? 'uninstalled' : 'not installed';
}

describe('the segments of a tenant', () => {
  it('hold everybody who is synced exactly once, by what they have in their wallets', () => {
    fc.assert(
      fc.property(passes, (held) => {
        const { properties } = profileOf({ ...newPerson('x'), passes: held }, three);
        expect(among('Wallet', properties)).toEqual([truth(Object.values(held))]);
        for (const kind of Object.keys(three.passKinds)) expect(among(`Wallet ${kind}`, properties)).toEqual([truth(Object.values(held).filter((pass) => pass.kind === kind))]);
        expect(holds(named('Wallet: not synced yet'), properties)).toBe(false);
      }),
    );
  });

  it('leave out who is not synced, and one segment says so', () => {
    for (const subject of subjects) expect(among(subject, {})).toEqual([]);
    expect(holds(named('Wallet: not synced yet'), {})).toBe(true);
    // The tenant has got a new kind since.
    const before = profileOf(newPerson('x'), rules()).properties;
    expect([holds(named('Wallet: not synced yet'), before), among('Wallet', before), among('Wallet giftCard', before)]).toEqual([true, ['not installed'], []]);
  });

  it('invite only those whose pass link opens and who have none in a wallet now', () => {
    const invited = (status: WalletStatus, token?: string) => holds(named('Wallet giftCard: can be invited'), { [propertyNames.anyOfKind('giftCard')]: status, ...(token ? { [propertyNames.authenticationToken]: token } : {}) });
    expect([invited('NotInstalled', 't'), invited('Uninstalled', 't'), invited('Installed', 't'), invited('NotInstalled')]).toEqual([true, true, false, false]);
    expect(holds(named('Wallet giftCard: can be invited'), { [propertyNames.authenticationToken]: 't' })).toBe(false);
  });

  it('invite nobody where events carry the token, because no profile has one', () => {
    const links = { pages: { enrolment: 'https://a.example', pass: 'https://b.example' }, tokenOn: 'event' as const, unasked: true, asProperties: false, refreshAfterMs: 1 };
    expect(segmentsOf(rules({ links })).filter(({ name }) => name.includes('invited'))).toEqual([]);
    expect(segmentsOf(rules({ links: { ...links, tokenOn: 'profile' } })).filter(({ name }) => name.includes('invited'))).toHaveLength(2);
  });

  it('have names of their own', () => {
    expect(new Set(recipes.map(({ name }) => name)).size).toBe(recipes.length);
    expect(recipes).toHaveLength(4 * subjects.length + 1);
  });

  it('are the same in another order, and not with another condition', () => {
    const [{ groups }] = recipes.slice(-1) as [SegmentRecipe];
    expect(sameGroups(groups, groups.map((group) => group.toReversed()))).toBe(true);
    expect(sameGroups(groups, groups.map((group) => group.slice(1)))).toBe(false);
    expect(sameGroups([[groups[0]![0]!], [groups[0]![1]!]], groups)).toBe(false);
  });
});

describe('the flow that fills profiles', () => {
  it('calls this connector with the body that docs/flows.md asks for', () => {
    const { webhook } = syncFlow('acme', { url: 'https://connector.shop.example/' });
    expect(webhook.url).toBe('https://connector.shop.example/api/acme/webhooks/listeners/klaviyo/profiles/sync');
    expect(readFileSync(join(import.meta.dirname, '../../../docs/flows.md'), 'utf8')).toContain(`\`\`\`json\n${webhook.body}\n\`\`\``);
  });

  it('names what people have to put in themselves', () => {
    const { webhook } = syncFlow('acme');
    expect([webhook.url, webhook.headers]).toEqual(['https://<this connector>/api/acme/webhooks/listeners/klaviyo/profiles/sync', { 'X-API-KEY': '<flowKey>' }]);
  });

  it('is for those whom no other segment can hold', () => {
    expect(recipes.map(({ name }) => name)).toContain(syncFlow('acme').trigger);
  });
});
