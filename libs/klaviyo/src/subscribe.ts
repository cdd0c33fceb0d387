import type { Answer, Outgoing, Slot, Subscribe } from '#core';
import { type Account, aWhile, type Patience } from './account.js';
import { becauseOf, later, refused, skipped } from './answers.js';
import { hasNewerOptOut, oppositeIsNewer } from './consent-state.js';
import { addressOf } from './identifiers.js';
import { limits } from './limits.js';
import { type ListChange, sendListChange } from './list-change.js';
import { addressKey, type Profiles, readProfiles } from './profile-reads.js';
import { subscription, subscriptionsRequest } from './requests.js';
import { claimableBytes, probing, slotOf } from './slot.js';

/** Younger consents go at once: within a minute nobody has read the first mail and left again, and a welcome must not wait. */
const freshMs = 60_000;

export async function subscribeSlot(account: Account, _waiting: number): Promise<Slot | { waitMs: number }> {
  const grant = await account.take('bulk_subscribe_profiles', 1);
  if (grant.permits.length === 0) return { waitMs: grant.waitMs };
  return slotOf<Subscribe>(account, { items: probing(grant, limits.bulk_subscribe_profiles.maxItems), bytes: claimableBytes('bulk_subscribe_profiles'), permits: grant.permits }, (commands, permits) => send(account, commands, permits));
}

async function send(account: Account, commands: Outgoing<Subscribe>[], permits: string[]): Promise<Answer[]> {
  const unused = await freeForReading(account, permits);
  const patience = aWhile();
  const now = account.clock.now();
  const { answers, due } = await withoutOptedOut(account, commands, now, patience);

  for (const group of grouped(due, account.settings.listId)) {
    const change: ListChange<Subscribe, ReturnType<typeof subscription>> = {
      operation: 'bulk_subscribe_profiles',
      commands: group.commands,
      entry: (outgoing) => subscription(outgoing, now),
      call: (entries, permit) => account.call('bulk_subscribe_profiles', permit, (sdk) => sdk.profiles.bulkSubscribeProfiles(subscriptionsRequest(group, entries))),
    };
    answers.push(...(await sendListChange(account, change, unused.shift(), patience)));
  }
  await account.giveBack(unused);
  return answers;
}

/** While the account fails there is leave for one call at a time: held back for writing, it would keep the reading before it from ever being made. */
export async function freeForReading(account: Account, permits: string[]): Promise<string[]> {
  if (!account.failing) return [...permits];
  await account.giveBack(permits);
  return [];
}

/** An opt-out that Klaviyo has told us of, perhaps while the command waited. */
function optedOut({ identity, command }: Outgoing<Subscribe>): boolean {
  const out = identity.optedOut?.[command.channel];
  return out !== undefined && (out >= command.consentedAt || command.undated === true);
}

/** Reads Klaviyo's own state for consents that are not fresh. When it cannot be read nobody of them is subscribed. */
async function withoutOptedOut(account: Account, commands: Outgoing<Subscribe>[], now: number, patience: Patience): Promise<{ answers: Answer[]; due: Outgoing<Subscribe>[] }> {
  const answers: Answer[] = [];
  const due: Outgoing<Subscribe>[] = [];
  const old: { outgoing: Outgoing<Subscribe>; address: string }[] = [];
  for (const outgoing of commands) {
    const address = addressOf(outgoing.identity, outgoing.command.channel);
    if (address === undefined) answers.push(refused(outgoing, 'CONSENT_WITHOUT_IDENTIFIER', 'The channel needs an address that is not known.'));
    else if (oppositeIsNewer(outgoing) || optedOut(outgoing)) answers.push(skipped(outgoing, 'KLAVIYO_NEWER_OPT_OUT'));
    else if (outgoing.command.undated || now - outgoing.command.consentedAt > freshMs) old.push({ outgoing, address });
    else due.push(outgoing);
  }
  if (old.length === 0) return { answers, due };

  const addresses = old.map(({ outgoing, address }) => ({ channel: outgoing.command.channel, address }));
  const profiles = await readProfiles(account, 'get_profiles', addresses, patience, (sdk, query) => sdk.profiles.getProfiles(query));
  for (const { outgoing, address } of old) {
    if (!profiles.ok) {
      answers.push(unread(outgoing, profiles));
      continue;
    }
    const listId = outgoing.command.listId ?? account.settings.listId;
    const key = addressKey(outgoing.command.channel, address);
    const unaskable = profiles.unaskable.get(key);
    if (unaskable) {
      answers.push(becauseOf(outgoing, unaskable));
      continue;
    }
    const held = profiles.byAddress.get(key) ?? [];
    if (held.some((attributes) => hasNewerOptOut(attributes, outgoing, listId, now))) answers.push(skipped(outgoing, 'KLAVIYO_NEWER_OPT_OUT'));
    else due.push(outgoing);
  }
  return { answers, due };
}

/** Nothing was read, so nothing may be changed; whatever the reason was, the command is not to blame. */
export function unread(outgoing: Outgoing, { problem, waitMs }: Profiles & { ok: false }): Answer {
  if (!problem) return later(outgoing, waitMs === undefined ? 'KLAVIYO_UNAVAILABLE' : 'KLAVIYO_BUSY', waitMs);
  return problem.kind === 'later' ? becauseOf(outgoing, problem) : later(outgoing, 'KLAVIYO_UNAVAILABLE', undefined, problem.words);
}

interface Group {
  listId?: string;
  field: string;
  historical: boolean;
  commands: Outgoing<Subscribe>[];
}

/** List, source and history are set once per request. */
function grouped(commands: Outgoing<Subscribe>[], defaultList: string | undefined): Group[] {
  const groups = new Map<string, Group>();
  for (const outgoing of commands) {
    const { field, historical } = outgoing.command;
    const listId = outgoing.command.listId ?? defaultList;
    const key = JSON.stringify([listId, field, historical]);
    const group = groups.get(key) ?? { field, historical, commands: [], ...(listId === undefined ? {} : { listId }) };
    group.commands.push(outgoing);
    groups.set(key, group);
  }
  return [...groups.values()];
}
