import { profileOf, type Command, type CommandRecord, type DeliveryRecord, type ErrorCode, type Evidence, type LinkRules, type Rules, type SeenProfile, type WalletEvent } from '#core';
import { aCustomer, day, hour, live, onlyPerson, rules, start } from '../../support/stories.js';

export const now = start + 2 * day;
export const token = 'token-of-ana-0123456789';
export const links: LinkRules = { pages: { enrolment: 'https://passes.example/mail', pass: 'https://passes.example/pass' }, tokenOn: 'profile', unasked: true, asProperties: false, refreshAfterMs: 30 * day };
export const kinds = { loyaltyCard: ['loyalty'] };
export const someRules = (own: Partial<Rules> = {}) => rules({ links, passKinds: kinds, ...own });

let ids = 0;
/** In order of time, as the ids of commands and deliveries are. */
export const nextId = () => `01990000-0000-7000-8000-${String(++ids).padStart(12, '0')}`;

export function sent(command: Command, own: Partial<CommandRecord> = {}, at = start + hour): CommandRecord {
  return { id: nextId(), lane: command.do, status: 'accepted', command, ledger: [{ at, outcome: 'accepted' }], ...own };
}

export function delivered(event: DeliveryRecord['event'], commands: CommandRecord[] = [], own: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return { id: nextId(), tenant: 'acme', receivedAt: event.at, event, status: 'processed', redeliveries: 0, notes: [], commands, ...own };
}

/** Ana enrolled with everything, put her card in a wallet, and all went well. */
export const story = () => aCustomer('C-1').enrolled({ email: 'ana@mail.example', phone: '+33612345678', consents: { consents_email: true, consents_sms: true } }).passCreated().installed('apple').events;

/** All that can be known about Ana while nothing is broken. `events`: another story of hers. */
export function healthy(own: Partial<Evidence> = {}, events: WalletEvent[] = story(), rule: Rules = someRules()): Evidence {
  const lived = live(events, rule);
  const person = { ...onlyPerson(lived), token: { sealed: 'sealed', at: start }, tokenAskedAt: start };
  const identity = { ...person.identity, klaviyoId: 'K1' };
  const expected = profileOf({ ...person, identity }, rule);
  const deliveries = events.map((event, i) => delivered(event, lived.decisions[i]!.commands.filter((command) => command.do !== 'look-up').map((command) => sent(command)))).toReversed();
  const tracks = lived.commands.flatMap((command) => (command.do === 'track' ? [{ metric: command.metric, uniqueId: command.uniqueId, at: command.at }] : []));
  const profile: SeenProfile = {
    name: { klaviyoId: 'K1', email: 'ana@mail.example', phone: '+33612345678' },
    createdAt: start, updatedAt: start + hour,
    properties: { ...expected.properties, 'neostore.authenticationToken': token },
    consents: { email: { says: 'subscribed', at: start }, sms: { says: 'subscribed', at: start } },
    optOuts: [], events: tracks,
  };
  return {
    rules: rule, now, text: 'ana@mail.example', person: { ...person, identity }, nearMisses: [], known: [], deliveries, parked: [], expected, plain: expected, pluginNotes: [],
    routes: [{ consent: 'consents_email', list: 'NEWS' }, { consent: 'consents_sms', list: 'NEWS' }], optIns: { NEWS: 'single' }, missingEvents: [],
    profiles: [profile], passes: [{ id: 'pass-of-C-1', type: 'loyalty', identifiers: { customerId: 'C-1' }, installed: { Apple: start } }],
    token, lastWebhookAt: now - hour, undecided: 0, ...own,
  };
}

/** The same with another only profile. */
export function withProfile(evidence: Evidence, change: (profile: SeenProfile) => Partial<SeenProfile>): Evidence {
  const [profile] = evidence.profiles as SeenProfile[];
  return { ...evidence, profiles: [{ ...profile!, ...change(profile!) }] };
}

export function withProperty(evidence: Evidence, name: string, value: unknown): Evidence {
  return withProfile(evidence, ({ properties }) => {
    const { [name]: _was, ...rest } = properties;
    return { properties: value === undefined ? rest : { ...rest, [name]: value } };
  });
}

/** The same with every command of a kind ended otherwise. */
export function withCommands(evidence: Evidence, what: Command['do'], change: (record: CommandRecord) => Partial<CommandRecord>): Evidence {
  const deliveries = evidence.deliveries.map((delivery) => ({ ...delivery, commands: delivery.commands.map((record) => (record.command.do === what ? { ...record, ...change(record) } : record)) }));
  return { ...evidence, deliveries };
}

/** How a command looks that was refused, put off or skipped. */
export const answered = (status: string, code: ErrorCode, words = 'in the words of the vendor') => (): Partial<CommandRecord> => ({ status, ledger: [{ at: start + hour, outcome: status, code, words }] });
