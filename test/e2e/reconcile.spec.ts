import type { StoryEvent } from '#emulators';
import { buildConnector } from '../support/connector-process.js';
import { foundIn, leftIn, Reconciler } from '../support/reconciler-process.js';
import { configFor, lists, startWorld, type World } from '../support/running-connector.js';

const hourMs = 3_600_000;
const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * hourMs).toISOString();
const people = 12;
const emailOf = (n: number) => `person-${n}@mail.example`;
const passOf = (n: number) => `pass-number-${String(n).padStart(4, '0')}`;
const who = (n: number) => ({ customerId: `C-${n}`, email: emailOf(n) });
const apple = 'neostore.wallet.loyaltyCard.Apple';
const google = 'neostore.wallet.loyaltyCard.Google';
const token = 'neostore.authenticationToken';

function storyOf(n: number, hoursAgo: number): StoryEvent[] {
  const pass = { identifiers: who(n), passId: passOf(n), passType: 'loyalty' };
  return [
    { kind: 'Customer:Upserted', at: at(hoursAgo), identifiers: who(n), account: { email: emailOf(n), consents_email: n % 2 === 0 } },
    { kind: 'Pass:Created', at: at(hoursAgo - 1), ...pass },
    { kind: 'Pass:Installed', at: at(hoursAgo - 2), ...pass, device: 'apple' },
  ];
}

describe('both sides are compared and put right', () => {
  const options = { tenant: { links: {}, reconciliation: { cron: 'off', graceSeconds: 0 } } };
  let world: World;
  let reconciler: Reconciler;

  beforeAll(async () => {
    buildConnector();
    world = await startWorld(options);
    reconciler = new Reconciler(configFor(world.klaviyo.url, world.walletCrew.url, options), { DATABASE_URL: world.databaseUrl });
    await world.tell(Array.from({ length: people }, (_, n) => storyOf(n, 60)).flat());
    await world.quiet();
    // Everybody changed their address once; only the new one is left at Klaviyo.
    await world.tell([{ kind: 'Customer:Upserted', at: at(50), identifiers: { customerId: 'C-11', email: 'moved@mail.example' }, account: { email: 'moved@mail.example' } }]);
    await world.quiet();
  }, 240_000);
  afterAll(async () => {
    reconciler?.dispose();
    await world?.stop();
  });

  const held = (n: number) => world.klaviyo.profile({ email: emailOf(n) })!;

  it('finds nothing where nothing is wrong', async () => {
    expect(await reconciler.report('--dry-run').then(foundIn)).toEqual({});
  }, 120_000);

  it('finds, names and repairs whatever was planted on either side, fires no flow and subscribes nobody', async () => {
    const { klaviyo, walletCrew } = world;
    // At The Wallet Crew, without a webhook.
    walletCrew.hold([{ kind: 'Pass:Installed', at: at(10), identifiers: who(0), passId: passOf(0), passType: 'loyalty', device: 'google' }]);
    walletCrew.changePass(passOf(1), { providers: {} });
    walletCrew.deletePass(passOf(2));
    walletCrew.hold(storyOf(people, 30));
    // In Klaviyo.
    klaviyo.changeProperties({ email: emailOf(3) }, { [apple]: 'NotInstalled' });
    klaviyo.changeProperties({ email: emailOf(4) }, { [google]: undefined });
    klaviyo.deleteProfile({ email: emailOf(5) });
    klaviyo.holdProfiles([{ email: 'stranger@mail.example', created: Date.now() - hourMs }, { email: emailOf(11), created: Date.now() - hourMs }] as never);
    klaviyo.changeProperties({ email: emailOf(6) }, { [token]: undefined });
    klaviyo.changeProperties({ email: emailOf(7) }, { [token]: 'an-old-token' });
    klaviyo.optOut({ email: emailOf(8) }, 'email');
    const planted = {
      'registration-unheard': 1, 'install-unheard': 2, 'uninstall-unheard': 1, 'pass-gone': 1, 'status-wrong': 1, 'default-missing': 2,
      'profile-missing': 1, 'token-missing': 1, 'token-stale': 1, 'opt-out-unheard': 1, 'profile-duplicated': 1,
    };
    const flows = klaviyo.flowsTriggered().length;
    const members = klaviyo.listMembers(lists.newsletter).map(({ email }) => email).sort();

    const before = JSON.stringify(klaviyo.profiles());
    expect(await reconciler.report('--dry-run').then(foundIn)).toEqual(planted);
    expect(JSON.stringify(klaviyo.profiles())).toBe(before);

    const report = await reconciler.report();
    expect(foundIn(report)).toEqual(planted);
    expect(leftIn(report)).toEqual({ 'profile-duplicated': 1 });
    expect(report.verdict.worry).toBe('look');
    await world.quiet();

    expect(held(0).properties).toMatchObject({ [apple]: 'Installed', [google]: 'Installed' });
    expect(held(1).properties).toMatchObject({ [apple]: 'Uninstalled', [google]: 'NotInstalled' });
    expect(held(2).properties).toMatchObject({ [apple]: 'Uninstalled' });
    expect(held(3).properties).toMatchObject({ [apple]: 'Installed' });
    expect(held(4).properties).toMatchObject({ [google]: 'NotInstalled' });
    expect(held(5).properties).toMatchObject({ [apple]: 'Installed' });
    expect(held(people).properties).toMatchObject({ [apple]: 'Installed', 'neostore.registeredAt': expect.stringContaining(at(29).slice(0, 10)) });
    expect(klaviyo.profile({ email: 'stranger@mail.example' })!.properties).toMatchObject({ [apple]: 'NotInstalled', [google]: 'NotInstalled' });
    for (const n of [6, 7]) expect(held(n).properties[token]).toBe(walletCrew.customer({ customerId: `C-${n}` })!.token);

    const late = klaviyo.events({ email: emailOf(people) });
    expect(late.map(({ metric, backfill }) => [metric, backfill]).sort()).toEqual([['Wallet Pass Installed', true], ['Wallet Registered', true]]);
    expect(klaviyo.events({ email: emailOf(0), metric: 'Wallet Pass Installed' }).filter(({ backfill }) => backfill).length).toBe(2);
    expect(klaviyo.flowsTriggered().length).toBe(flows);
    expect(klaviyo.listMembers(lists.newsletter).map(({ email }) => email).filter((email) => email !== emailOf(8)).sort()).toEqual(members.filter((email) => email !== emailOf(8) && email !== emailOf(5)));

    expect(foundIn(await reconciler.report())).toEqual({ 'profile-duplicated': 1 });
  }, 300_000);
});
