import type { HeldProfile, KlaviyoEmulator, StoryEvent } from '#emulators';

/** What Klaviyo holds about people, without what may differ from run to run: internal ids and the times of the transport. */
export function heldProfiles(klaviyo: KlaviyoEmulator, account?: string): unknown[] {
  return klaviyo.profiles(account).map(comparable).toSorted((a, b) => (a.email! < b.email! ? -1 : 1));
}

function comparable({ email, phone_number, external_id, first_name, last_name, locale, properties, lists }: HeldProfile) {
  const sorted = Object.fromEntries(Object.entries(properties).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { email, phone_number, external_id, first_name, last_name, locale, properties: sorted, lists: lists.map(({ id }) => id).sort() };
}

/** Every event Klaviyo holds, as one line of what happened, to whom and when. */
export function heldEvents(klaviyo: KlaviyoEmulator, account?: string): string[] {
  return klaviyo
    .events({}, account)
    .map(({ metric, email, properties, time }) => line(metric, email, properties['passId'], properties['device'], time))
    .sort();
}

const metrics: Record<string, string> = {
  'Customer:Upserted': 'Wallet Registered',
  'Pass:Created': 'Wallet Pass Created',
  'Pass:Updated': 'Wallet Pass Updated',
  'Pass:Installed': 'Wallet Pass Installed',
  'Pass:Uninstalled': 'Wallet Pass Uninstalled',
};

/** The events a story must become: each happening once, a customer update and what nobody has a meaning for not at all. */
export function eventsOf(story: readonly StoryEvent[]): string[] {
  return story
    .filter(({ kind }) => kind in metrics)
    .map(({ kind, identifiers, passId, device, at }) => line(metrics[kind]!, identifiers['email'], passId, device, at))
    .sort();
}

function line(metric: string, email: string | undefined, passId: unknown, device: unknown, at: string): string {
  return [metric, email, passId ?? '-', device ?? '-', `${at.slice(0, 19)}Z`].join(' ');
}

/** The wallet status a story must leave behind, told independently of the connector's own rules: who has which pass where. */
export function statusesOf(story: readonly StoryEvent[]): Map<string, Record<string, string>> {
  const kindNames: Record<string, string> = { loyalty: 'loyaltyCard', 'gift-card': 'giftCard' };
  const people = new Map<string, Record<string, string>>();
  for (const { kind, identifiers, passType, device, additionalInformation } of story.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    const email = identifiers['email']!;
    const held = people.get(email) ?? Object.fromEntries(['loyaltyCard', 'giftCard'].flatMap((of) => ['Apple', 'Google'].map((wallet) => [`neostore.wallet.${of}.${wallet}`, 'NotInstalled'])));
    people.set(email, held);
    if (!device || !passType) continue;
    const name = `neostore.wallet.${kindNames[passType]}.${device === 'apple' ? 'Apple' : 'Google'}`;
    held[name] = kind === 'Pass:Installed' || (additionalInformation?.activeRegistrationCount ?? 0) > 0 ? 'Installed' : 'Uninstalled';
  }
  return people;
}
