import type { Answer, Outgoing, Slot, Unsubscribe } from '#core';
import { type Account, aWhile, type Patience } from './account.js';
import { becauseOf, later, refused, skipped } from './answers.js';
import { hasNewerConsent, oppositeIsNewer } from './consent-state.js';
import { addressOf } from './identifiers.js';
import { limits } from './limits.js';
import { type ListChange, listMissingWaitMs, sendListChange } from './list-change.js';
import { addressKey, readProfiles } from './profile-reads.js';
import { unsubscription, unsubscriptionsRequest } from './requests.js';
import { claimableBytes, probing, slotOf } from './slot.js';
import { freeForReading, unread } from './subscribe.js';

type Addressed = { outgoing: Outgoing<Unsubscribe>; address: string };

export async function unsubscribeSlot(account: Account, _waiting: number): Promise<Slot | { waitMs: number }> {
  const grant = await account.take('bulk_unsubscribe_profiles', 1);
  if (grant.permits.length === 0) return { waitMs: grant.waitMs };
  return slotOf<Unsubscribe>(account, { items: probing(grant, limits.bulk_unsubscribe_profiles.maxItems), bytes: claimableBytes('bulk_unsubscribe_profiles'), permits: grant.permits }, (commands, permits) => send(account, commands, permits));
}

async function send(account: Account, commands: Outgoing<Unsubscribe>[], permits: string[]): Promise<Answer[]> {
  const unused = await freeForReading(account, permits);
  const patience = aWhile();
  const answers: Answer[] = [];
  const byList = new Map<string, Addressed[]>();
  for (const outgoing of commands) {
    const listId = outgoing.command.listId ?? account.settings.listId;
    const address = addressOf(outgoing.identity, outgoing.command.channel);
    if (listId === undefined) answers.push(refused(outgoing, 'KLAVIYO_UNSUBSCRIBE_WITHOUT_LIST', 'Not sent: without a list it would be global.'));
    else if (address === undefined) answers.push(refused(outgoing, 'CONSENT_WITHOUT_IDENTIFIER', 'The channel needs an address that is not known.'));
    else if (oppositeIsNewer(outgoing)) answers.push(skipped(outgoing, 'KLAVIYO_NEWER_CONSENT'));
    else byList.set(listId, [...(byList.get(listId) ?? []), { outgoing, address }]);
  }

  for (const [listId, addressed] of byList) {
    const checked = await members(account, listId, addressed, patience);
    answers.push(...checked.answers);
    if (checked.members.length === 0) continue;
    const change: ListChange<Unsubscribe, ReturnType<typeof unsubscription>> = {
      operation: 'bulk_unsubscribe_profiles',
      commands: checked.members,
      entry: unsubscription,
      call: (entries, permit) => account.call('bulk_unsubscribe_profiles', permit, (sdk) => sdk.profiles.bulkUnsubscribeProfiles(unsubscriptionsRequest(listId, entries))),
    };
    answers.push(...(await sendListChange(account, change, unused.shift(), patience)));
  }
  await account.giveBack(unused);
  return answers;
}

/** "Profiles not in the specified list will be globally unsubscribed. Always verify profile list membership" (Klaviyo: Bulk Unsubscribe Profiles). */
async function members(account: Account, listId: string, addressed: Addressed[], patience: Patience): Promise<{ answers: Answer[]; members: Outgoing<Unsubscribe>[] }> {
  const addresses = addressed.map(({ outgoing, address }) => ({ channel: outgoing.command.channel, address }));
  const profiles = await readProfiles(account, 'get_profiles_for_list', addresses, patience, (sdk, query) => sdk.lists.getProfilesForList(listId, query));
  const answers: Answer[] = [];
  const found: Outgoing<Unsubscribe>[] = [];
  for (const { outgoing, address } of addressed) {
    if (!profiles.ok) {
      answers.push(profiles.problem?.kind === 'missing' ? later(outgoing, 'KLAVIYO_LIST_MISSING', listMissingWaitMs, profiles.problem.words) : unread(outgoing, profiles));
      continue;
    }
    const key = addressKey(outgoing.command.channel, address);
    const unaskable = profiles.unaskable.get(key);
    const held = profiles.byAddress.get(key) ?? [];
    if (unaskable) answers.push(becauseOf(outgoing, unaskable));
    else if (held.length === 0) answers.push(skipped(outgoing, 'KLAVIYO_NOT_A_MEMBER'));
    else if (held.some((attributes) => hasNewerConsent(attributes, outgoing, account.clock.now()))) answers.push(skipped(outgoing, 'KLAVIYO_NEWER_CONSENT'));
    else found.push(outgoing);
  }
  return { answers, members: found };
}
