import { iso, propertyNames } from '../marketing/profile.js';
import { newPerson, own, type Person } from '../person/person.js';
import type { CommandRecord, DeliveryRecord } from '../ports/store.js';
import { isEmpty, isSame } from '../reconciliation/compare-values.js';
import { wallets, type Wallet } from '../wallet/event.js';
import { inWallet, type Pass } from '../wallet/pass.js';
import { consentsOf } from './consent-evidence.js';
import { differencesOf, isSecretProperty } from './difference.js';
import { isAsked, isPending, lastWord, ownProfiles, parkedOf, type Evidence, type NotAsked, type SeenProfile } from './evidence.js';
import type { ConsentLine, EventLine, Explanation, InWalletLine, KnownPerson, PendingLine, ProfileLine, SentLine, Truth } from './explanation.js';
import { suspicionsOf } from './suspicions.js';

/** So many deliveries are shown; more are looked through. */
const mostEvents = 20;

/** What the evidence amounts to, in words and tables. */
export function explanationOf(evidence: Evidence): Explanation {
  const { rules, now, text, person, nearMisses, passes, profiles } = evidence;
  const suspicions = suspicionsOf(evidence);
  const firstBroken = suspicions.find(({ weight }) => weight === 'broken');
  return {
    tenant: rules.tenant, asked: text, at: iso(now),
    ...(firstBroken ? { firstBroken } : {}), suspicions,
    ...(person ? { who: whoOf(person) } : {}),
    // Of nobody we know it is true that they have no pass, where their profile is to say so.
    ...(person || evidence.expected ? { truth: truthOf(person ?? newPerson(''), evidence) } : {}),
    nearMisses,
    walletCrew: isAsked(passes) ? { asked: true, passes: passes.map(({ id, type, createdAt, installed }) => ({ id, ...(type === undefined ? {} : { type }), ...time('createdAt', createdAt), installed: Object.fromEntries(Object.entries(installed).map(([wallet, at]) => [wallet, iso(at)])) })) } : { asked: false, ...passes },
    klaviyo: isAsked(profiles) ? { asked: true, profiles: profiles.map((profile) => profileLine(profile, evidence)) } : { asked: false, ...profiles },
    differences: differencesOf(evidence).map(({ byPlugin: _by, ...difference }) => difference),
    events: evidence.deliveries.filter(({ id }, i) => i < mostEvents || id === evidence.delivery?.id).map(eventLine),
    pending: [...parkedOf(evidence).map(parkedLine), ...evidence.deliveries.flatMap(pendingOf)],
    consent: consentLines(evidence),
  };
}

function whoOf({ id, identity, identifiers, registeredAt }: Person): KnownPerson {
  const { optedOut: _said, ...names } = identity;
  const values = Object.entries(identifiers).map(([key, said]) => [key, said.toSorted((a, b) => b.at - a.at).map(({ value }) => value)] as const);
  return { personId: id, identity: names, identifiers: Object.fromEntries(values), ...time('registeredAt', registeredAt) };
}

function truthOf(person: Person, { rules, expected, pluginNotes }: Evidence): Truth {
  const passes = Object.values(person.passes);
  const status = Object.keys(rules.passKinds).map((kind) => [kind, eachWallet((wallet) => ofKind(passes.filter((pass) => pass.kind === kind), wallet))] as const);
  return {
    status: Object.fromEntries(status),
    passes: passes.map((pass) => ({ id: pass.id, kind: pass.kind, ...(pass.type === undefined ? {} : { type: pass.type }), ...time('createdAt', pass.createdAt), wallets: eachWallet((wallet) => ofKind([pass], wallet)) })),
    ...(expected ? { profile: { attributes: expected.attributes, properties: expected.properties } } : {}),
    plugins: pluginNotes,
  };
}

const eachWallet = (tell: (wallet: Wallet) => InWalletLine) => Object.fromEntries(wallets.map((wallet) => [wallet, tell(wallet)])) as Record<Wallet, InWalletLine>;

/** The status over several passes, and since when: the newest change that made it so. */
function ofKind(passes: readonly Pass[], wallet: Wallet): InWalletLine {
  const views = passes.flatMap((pass) => inWallet(pass, wallet) ?? []);
  const installed = views.filter(({ status }) => status === 'Installed');
  const counting = installed.length > 0 ? installed : views;
  return counting.length === 0 ? { status: 'NotInstalled' } : { status: counting[0]!.status, since: iso(Math.max(...counting.map(({ at }) => at))) };
}

function profileLine(profile: SeenProfile, evidence: Evidence): ProfileLine {
  const { name: { klaviyoId, email, phone, externalId }, events } = profile;
  const { person, token, expected } = evidence;
  const held = own(profile.properties, propertyNames.authenticationToken);
  // What is written by nobody here is nobody's business here; and no value that holds a token.
  const ours = ([name, value]: [string, unknown]) => (name.startsWith('neostore.') || own(expected?.properties ?? {}, name) !== undefined) && !isSecretProperty(name) && !(token !== undefined && JSON.stringify(value).includes(token));
  return {
    klaviyoId, ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }), ...(externalId === undefined ? {} : { externalId }),
    own: ownProfiles(evidence).includes(profile),
    createdAt: iso(profile.createdAt), updatedAt: iso(profile.updatedAt),
    properties: Object.fromEntries(Object.entries(profile.properties).filter(ours)),
    token: { there: !isEmpty(held), ...(token === undefined ? {} : { newest: isSame(held, token) }), ...time('givenAt', person?.token?.at) },
    consents: Object.fromEntries(Object.entries(profile.consents).map(([channel, { says, at }]) => [channel, { says, ...time('at', at) }])),
    events: isAsked(events) ? events.map(({ metric, at }) => ({ metric, at: iso(at) })) : (events satisfies NotAsked),
  };
}

function eventLine({ id, receivedAt, event, status, code, redeliveries, notes, commands }: DeliveryRecord): EventLine {
  return { deliveryId: id, receivedAt: iso(receivedAt), at: iso(event.at), kind: event.kind, name: event.name, status, ...(code ? { code } : {}), redeliveries, notes, commands: commands.map(sentLine) };
}

/** Never the command itself: it may hold a sealed token. */
function sentLine({ id, lane, status, command, ledger }: CommandRecord): SentLine {
  const what = command.do === 'track' ? command.metric : command.do === 'subscribe' || command.do === 'unsubscribe' ? command.listId : undefined;
  return {
    id, lane, ...(what === undefined ? {} : { what }), status,
    ...('backfill' in command && command.backfill ? { backfill: true as const } : {}),
    ledger: ledger.map(({ at, ...entry }) => ({ at: iso(at), ...entry })),
  };
}

function parkedLine({ id, status, receivedAt, code }: DeliveryRecord): PendingLine {
  return { id, lane: 'decide', status, since: iso(receivedAt), ...(code ? { why: code } : {}) };
}

function pendingOf({ id, status, receivedAt, commands }: DeliveryRecord): PendingLine[] {
  const since = iso(receivedAt);
  const undecided: PendingLine[] = status === 'undecided' ? [{ id, lane: 'decide', status, since }] : [];
  return [...undecided, ...commands.filter(isPending).map((command): PendingLine => ({ id: command.id, lane: command.lane, status: command.status, since, ...time('due', command.dueAt), ...whyOf(command) }))];
}

function whyOf(command: CommandRecord): { why?: string } {
  if (command.status === 'waiting') return { why: 'PERSON_NOT_REACHABLE' };
  const word = lastWord(command);
  const why = [word?.code, word?.words].filter((part) => part !== undefined).join(': ');
  return why === '' ? {} : { why };
}

function consentLines(evidence: Evidence): ConsentLine[] {
  return consentsOf(evidence).map(({ field, channel, lists, address, statements, choice, optOut, outSince, asked, sent, held }) => ({
    field, channel, lists, addressKnown: address !== undefined,
    statements: statements.map(({ at, ...said }) => ({ at: iso(at), ...said })),
    ...(choice ? { choice: { ...choice, since: iso(choice.since) } } : {}),
    ...(optOut ? { optOut: { ...time('at', optOut.at), ...time('throughApiAt', optOut.throughApiAt), ...time('endedAt', optOut.endedAt), ...time('since', outSince) } } : {}),
    asked: Object.entries(asked).map(([list, at]) => ({ list, what: at === false ? 'unsubscribe' as const : 'subscribe' as const, ...time('choiceAt', at === false ? undefined : at) })),
    sent: sent.map(sentLine),
    ...(held ? { klaviyo: { says: held.says, ...time('at', held.at) } } : {}),
  }));
}

/** A field with a time, or none. */
function time<N extends string>(name: N, at: number | undefined): { [K in N]?: string } {
  return (at === undefined ? {} : { [name]: iso(at) }) as { [K in N]?: string };
}
