import { setImmediate } from 'node:timers/promises';
import type { Answer, Outgoing, Slot, UpsertProfile } from '#core';
import { type Account, aWhile } from './account.js';
import { fromVerdict, later, refused, unreachable } from './answers.js';
import { record } from './errors.js';
import { isReachable } from './identifiers.js';
import type { ImportMemory } from './import-memory.js';
import { sendIsolated } from './isolation.js';
import { limits } from './limits.js';
import { profile, profilesRequest, wireBytes } from './requests.js';
import { hasMoreThanPhone, isPhonePointer, SingleUpdate, withheld } from './single-profile.js';
import { claimableBytes, gatherInBackground, probing, slotOf } from './slot.js';

/** Klaviyo: the bulk import "should not be used for updating a small number of profiles". Twelve a second is what 750 a minute carry. */
const few = 12;
/** Single calls that are back so soon are worth waiting for. */
const soonMs = 1000;
/** In the background a full import would keep the process from everything else for a third of a second. A night that repairs few can take its time with them. */
const smallImport = 500;
const largeImport = 2_000;
const mostInBackground = (waiting: number) => (waiting < largeImport ? smallImport : largeImport);
/** Between portions others get their turn. */
const portion = 200;

export async function profileSlot(account: Account, waiting: number, memory: ImportMemory): Promise<Slot | { waitMs: number }> {
  // In the background updates trickle in for hours, as tokens do: one by one they would be many times the calls, and nobody waits for them.
  const singles = waiting <= few && !account.isBackground ? await account.take('create_or_update_profile', Math.max(1, waiting)) : undefined;
  if (singles && singles.permits.length > 0) {
    const bytes = singles.permits.length * limits.create_or_update_profile.maxBytes;
    return slotOf<UpsertProfile>(account, { items: singles.permits.length, bytes, permits: singles.permits }, (commands, permits) => sendSingles(account, commands, permits));
  }
  if (singles && singles.waitMs <= soonMs) return { waitMs: singles.waitMs };
  const { maxItems } = limits.bulk_import_profiles;
  // Each import costs several looks at how it fares, of which there are no more than of imports.
  const spacingMs = account.spacingMs('bulk_import_profiles') * (account.isBackground ? gatherInBackground : 1);
  const bulk = await account.take('bulk_import_profiles', 1, waiting < maxItems || account.isBackground ? { spacingMs } : {});
  if (bulk.permits.length === 0) return { waitMs: singles ? Math.min(singles.waitMs, bulk.waitMs) : bulk.waitMs };
  return slotOf<UpsertProfile>(account, { items: probing(bulk, account.isBackground ? mostInBackground(waiting) : maxItems), bytes: claimableBytes('bulk_import_profiles'), permits: bulk.permits }, (commands, permits) => sendBulk(account, memory, commands, permits));
}

async function sendSingles(account: Account, commands: Outgoing<UpsertProfile>[], permits: string[]): Promise<Answer[]> {
  const unused = [...permits];
  const patience = aWhile();
  const answers = commands.map(async (outgoing): Promise<Answer> => {
    const unfit = unfitProfile(outgoing, wireBytes(profile(outgoing)));
    if (unfit) return unfit;
    const permit = unused.shift();
    return permit === undefined ? fromVerdict(outgoing, undefined) : new SingleUpdate(account, outgoing, patience).send(permit);
  });
  await account.giveBack(unused);
  return Promise.all(answers);
}

async function sendBulk(account: Account, memory: ImportMemory, all: Outgoing<UpsertProfile>[], permits: string[]): Promise<Answer[]> {
  const [permit, ...more] = permits;
  await account.giveBack(more);
  const answers = await sendAlone(account, all.filter(({ alone }) => alone));
  const commands = all.filter(({ alone }) => !alone);
  const items: { outgoing: Outgoing<UpsertProfile>; entry: ReturnType<typeof profile>; bytes: number }[] = [];
  for (const [n, outgoing] of commands.entries()) {
    if (n % portion === portion - 1) await setImmediate();
    const entry = profile(outgoing);
    const bytes = wireBytes(entry);
    const unfit = unfitProfile(outgoing, bytes);
    if (unfit) answers.push(unfit);
    else items.push({ outgoing, entry, bytes });
  }
  const patience = aWhile();
  const verdicts = await sendIsolated({
    account, operation: 'bulk_import_profiles', items, permit, patience,
    call: async (part, leave) => {
      const outcome = await account.call('bulk_import_profiles', leave, (sdk) => sdk.profiles.bulkImportProfiles(profilesRequest(part.map(({ entry }) => entry))));
      const receipt = outcome.ok ? jobId(outcome.data) : undefined;
      if (receipt !== undefined) memory.remember(receipt, part.map(({ outgoing }) => outgoing.identity));
      return outcome;
    },
  });

  const badPhone: Outgoing<UpsertProfile>[] = [];
  for (const item of items) {
    const verdict = verdicts.get(item);
    if (verdict?.is === 'taken') {
      const receipt = jobId(verdict.data);
      // Without the id of the job nobody could read its errors; importing the same profile twice changes nothing.
      answers.push(receipt === undefined ? later(item.outgoing, 'KLAVIYO_IMPORT_LOST') : { id: item.outgoing.id, outcome: 'importing', receipt, position: verdict.position });
    } else if (verdict?.is === 'refused' && isPhonePointer(verdict.error.pointer) && hasMoreThanPhone(item.outgoing.identity)) {
      badPhone.push(item.outgoing);
    } else {
      answers.push(fromVerdict(item.outgoing, verdict));
    }
  }
  return [...answers, ...(await sendWithoutPhone(account, badPhone))];
}

/** A number that Klaviyo does not take must not hold the profile back. Sent alone, because only then can the answer say that it was left out. */
async function sendWithoutPhone(account: Account, commands: Outgoing<UpsertProfile>[]): Promise<Answer[]> {
  const sent = await sendAlone(account, commands.map((outgoing) => ({ ...outgoing, identity: withheld(outgoing.identity, ['phone']) })));
  return sent.map((answer): Answer => (answer.outcome === 'accepted' && answer.withheld === undefined ? { ...answer, withheld: 'phone' } : answer));
}

/** As many as the single calls have leave for; the others come back. */
async function sendAlone(account: Account, commands: Outgoing<UpsertProfile>[]): Promise<Answer[]> {
  if (commands.length === 0) return [];
  const { permits, waitMs } = await account.take('create_or_update_profile', commands.length);
  const sent = await sendSingles(account, commands.slice(0, permits.length), permits);
  return [...sent, ...commands.slice(permits.length).map((outgoing) => later(outgoing, 'KLAVIYO_BUSY', waitMs))];
}

function jobId(data: unknown): string | undefined {
  const id = record(record(data)['data'])['id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function unfitProfile(outgoing: Outgoing<UpsertProfile>, bytes: number): Answer | undefined {
  if (!isReachable(outgoing.identity)) return unreachable(outgoing);
  const { maxItemBytes } = limits.bulk_import_profiles;
  return bytes > maxItemBytes ? refused(outgoing, 'KLAVIYO_ITEM_TOO_LARGE', `The profile has more than ${maxItemBytes} bytes.`) : undefined;
}
