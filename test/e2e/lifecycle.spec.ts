import type { StoryEvent } from '#emulators';
import { lists, startWorld, type World } from '../support/running-connector.js';

const hourMs = 3_600_000;
const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * hourMs).toISOString();
const identifiers = { customerId: 'C-42', email: 'ana.lopez@mail.example' };
const pass = { passId: 'KlnqcxVLA9pS4ol5', passType: 'loyalty', identifiers };

const life: StoryEvent[] = [
  { kind: 'Customer:Upserted', at: at(5), identifiers, account: { email: identifiers.email, firstName: 'Ana', consents_email: true } },
  { kind: 'Pass:Created', at: at(4), ...pass },
  { kind: 'Pass:Installed', at: at(3), ...pass, device: 'apple', additionalInformation: { activeRegistrationCount: 1 } },
  { kind: 'Pass:Installed', at: at(2), ...pass, device: 'google', additionalInformation: { activeRegistrationCount: 1 } },
  { kind: 'Pass:Uninstalled', at: at(1), ...pass, device: 'google', additionalInformation: { activeRegistrationCount: 0 } },
];

describe('the life of a pass arrives in Klaviyo', () => {
  let world: World;
  beforeAll(async () => void (world = await startWorld()));
  afterAll(() => world.stop());

  it('as events, honest properties and a subscription', async () => {
    await world.tell(life);
    await world.quiet();
    const profile = world.klaviyo.profile({ email: identifiers.email });
    expect(profile).toMatchObject({
      first_name: 'Ana',
      properties: {
        'neostore.wallet.loyaltyCard.Apple': 'Installed',
        'neostore.wallet.loyaltyCard.Google': 'Uninstalled',
        'neostore.wallet.loyaltyCard.Any': 'Installed',
        'neostore.wallet.giftCard.Apple': 'NotInstalled',
        'neostore.wallet.giftCard.Google': 'NotInstalled',
        'neostore.wallet.Any': 'Installed',
        'neostore.wallet.lastChange': 'Uninstalled',
      },
    });
    expect(profile?.lists.map(({ id }) => id)).toEqual([lists.newsletter]);
    expect(profile?.subscriptions.email.consent).toBe('SUBSCRIBED');
    expect(world.klaviyo.events({ email: identifiers.email }).map(({ metric }) => metric).sort()).toEqual([
      'Wallet Pass Created',
      'Wallet Pass Installed',
      'Wallet Pass Installed',
      'Wallet Pass Uninstalled',
      'Wallet Registered',
    ]);
  });

  it('once, however often it is told', async () => {
    const before = { profile: world.klaviyo.profile({ email: identifiers.email })?.properties, events: world.klaviyo.eventCount() };
    await world.tell(life, { duplicates: 1, reorder: true });
    await world.quiet();
    expect({ profile: world.klaviyo.profile({ email: identifiers.email })?.properties, events: world.klaviyo.eventCount() }).toEqual(before);
  });
});
