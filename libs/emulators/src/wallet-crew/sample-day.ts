import { seeded, type Seeded } from '../seeded.js';
import type { Device, StoryEvent } from './story.js';

export interface SampleDayOptions {
  /** People who register in the day. Default 50. */
  customers?: number;
  seed?: number;
  /** ISO time the shops open. Default 2026-09-04T08:00:00.000Z. */
  start?: string;
  /** Numbers the people, so that two days do not meet. Default 0. */
  firstCustomer?: number;
}

const firstNames = ['Ana', 'Léo', 'Chloé', 'Omar', 'Mia', 'Noé', 'Sofía', 'Hugo', 'Inès', 'Jan', 'Zoë', 'Marco', 'Lucía', 'Emma', 'Théo', 'Aïcha'] as const;
const lastNames = ['Lopez', 'Martin', "O'Neill", 'Bernard', 'García', 'Dubois', 'Rossi', 'Moreau', 'Nguyen', 'Müller', 'Petit', 'Schmidt'] as const;
const stores = ['Paris-Rivoli', 'Lyon-Bellecour', 'Madrid-Serrano', 'Online'] as const;
const tiers = ['Silver', 'Gold', 'Platinum'] as const;
const minute = 60_000;

/**
 * A plausible day of wallet life, in order of time and the same for the same seed: people register with or without consents, passes are
 * created, installed in one wallet or both and on several devices, updated, removed; and now and then something nobody has a meaning for.
 * All people live at a domain reserved for documentation.
 */
export function sampleDay({ customers = 50, seed = 1, start = '2026-09-04T08:00:00.000Z', firstCustomer = 0 }: SampleDayOptions = {}): StoryEvent[] {
  const random = seeded(seed);
  const opened = Date.parse(start);
  const events: StoryEvent[] = [];
  for (let index = 0; index < customers; index++) events.push(...life(random, firstCustomer + index, opened + random.below(8 * 60 * minute)));
  return events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function life(random: Seeded, number: number, registeredAt: number): StoryEvent[] {
  let clock = registeredAt;
  const at = (minutes: number) => {
    clock += Math.round((0.2 + random.next()) * minutes * minute);
    return new Date(clock).toISOString();
  };
  const person = someone(random, number);
  const events: StoryEvent[] = [{ kind: 'Customer:Upserted', at: new Date(clock).toISOString(), identifiers: person.identifiers, metadata: person.metadata, account: person.account }];

  const pass = {
    passId: passId(random),
    passType: random.next() < 0.85 ? 'loyalty' : 'gift-card',
    identifiers: person.identifiers,
    metadata: person.metadata,
  };
  const passKind = pass.passType === 'loyalty' ? ('customerCard' as const) : ('giftCard' as const);
  events.push({ kind: 'Pass:Created', at: at(1), ...pass, passKind, additionalData: { points: 0 } });
  if (random.next() < 0.25) return events;

  const active: Record<Device, number> = { apple: 0, google: 0 };
  const total: Record<Device, number> = { apple: 0, google: 0 };
  const registration = (kind: 'Pass:Installed' | 'Pass:Uninstalled', device: Device, minutes: number): void => {
    active[device] += kind === 'Pass:Installed' ? 1 : -1;
    if (kind === 'Pass:Installed') total[device]++;
    events.push({
      kind, at: at(minutes), ...pass, passKind, device,
      additionalInformation: { activeRegistrationCount: active[device], totalRegistrationCount: total[device], tags: [person.metadata.storeId], medium: random.pick(['email', 'qrcode', 'website']), origin: 'https://shop.example/loyalty' },
    });
  };
  const main: Device = random.next() < 0.6 ? 'apple' : 'google';
  registration('Pass:Installed', main, 3);
  // A watch or a tablet: a second device in the same wallet.
  if (random.next() < 0.2) registration('Pass:Installed', main, 20);
  if (random.next() < 0.15) registration('Pass:Installed', main === 'apple' ? 'google' : 'apple', 30);
  if (random.next() < 0.5) events.push({ kind: 'Pass:Updated', at: at(60), ...pass, passKind, additionalData: { points: 10 + random.below(490) } });
  while (active[main] > 0 && random.next() < 0.2) registration('Pass:Uninstalled', main, 60);
  if (active[main] === 0 && random.next() < 0.3) registration('Pass:Installed', main, 15);
  if (random.next() < 0.1) events.push({ kind: 'Redirect:Redirected', at: at(10), identifiers: person.identifiers, metadata: { campaign: 'summer' } });
  if (random.next() < 0.1) {
    events.push({ kind: 'Customer:Updated', at: at(30), identifiers: person.identifiers, metadata: person.metadata, account: { ...person.account, consents_email: !person.account.consents_email } });
  }
  return events;
}

function someone(random: Seeded, number: number) {
  const firstName = random.pick(firstNames);
  const lastName = random.pick(lastNames);
  const plain = (text: string) => text.normalize('NFD').replace(/[^A-Za-z]/g, '').toLowerCase();
  const email = `${plain(firstName)}.${plain(lastName)}${number === 0 ? '' : `.${number}`}@mail.example`;
  // 06 39 98 .. .. is reserved for fiction in France; some people type it as they would dial it.
  const digits = String(number % 10_000).padStart(4, '0');
  const hasPhone = number < 10_000 && random.next() < 0.7;
  const phone = random.next() < 0.85 ? `+3363998${digits}` : `06 39 98 ${digits.slice(0, 2)} ${digits.slice(2)}`;
  const consentsEmail = random.next();
  const consentsSms = random.next();
  const metadata = { storeId: random.pick(stores), loyaltyTier: random.pick(tiers) };
  return {
    identifiers: { customerId: `C-${10_000 + number}`, email, ...(hasPhone ? { phone } : {}) },
    metadata,
    account: {
      email,
      ...(hasPhone ? { phoneNumber: phone } : {}),
      firstName,
      lastName,
      language: random.pick(['fr', 'es', 'en']),
      // An unticked box may come as false or not at all; neither is a "no" to a subscription that exists.
      ...(consentsEmail < 0.6 ? { consents_email: true } : consentsEmail < 0.9 ? { consents_email: false } : {}),
      ...(hasPhone && consentsSms < 0.4 ? { consents_sms: true } : consentsSms < 0.8 ? { consents_sms: false } : {}),
    } as Record<string, unknown> & { consents_email?: boolean },
  };
}

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const passId = (random: Seeded) => Array.from({ length: 16 }, () => random.pick(alphabet)).join('');
