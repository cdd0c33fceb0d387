import type { Answer, Grant, Outgoing, Slot, Track } from '#core';
import { type Account, aWhile } from './account.js';
import { accepted, becauseOf, fromVerdict, refused, saysDuplicateEvent, unreachable } from './answers.js';
import { isReachable } from './identifiers.js';
import { sendIsolated } from './isolation.js';
import { eventLimits, limits } from './limits.js';
import { bulkEvent, bulkEventsRequest, eventRequest, wireBytes } from './requests.js';
import { claimableBytes, gatherInBackground, probing, slotOf } from './slot.js';

/** Bulk that is back so soon is worth waiting for. */
const soonMs = 1000;

/** Longer than claiming and building a full batch takes under load: it is ready when the limit lets it go. */
const aheadMs = 500;

/**
 * Few events go one by one and at once; what the single calls cannot carry goes in bulk. The single budget is what a second
 * may use of it on average, so that a rush does not spend the minute in ten seconds.
 */
export async function trackSlot(account: Account, waiting: number): Promise<Slot | { waitMs: number }> {
  const { maxItems } = limits.bulk_create_events;
  // Single calls are what live events go by. Batches in the background leave each other room, and those that are not full gather meanwhile.
  if (account.isBackground) {
    const batch = await account.take('bulk_create_events', 1, { spacingMs: account.spacingMs('bulk_create_events') * (waiting < maxItems ? gatherInBackground : 1) });
    return batch.permits.length > 0 ? bulkSlot(account, batch) : { waitMs: batch.waitMs };
  }
  const budget = Math.max(1, Math.floor(account.perMinute('create_event') / 60));
  const singles = waiting <= budget ? await account.take('create_event', Math.max(1, waiting)) : undefined;
  if (singles && (singles.permits.length >= waiting || (singles.failures > 0 && singles.permits.length > 0))) return singleSlot(account, singles.permits);

  const full = waiting >= maxItems;
  const bulk = await account.take('bulk_create_events', 1, full ? { aheadMs } : { spacingMs: account.spacingMs('bulk_create_events') });
  if (bulk.permits.length > 0) {
    await account.giveBack(singles?.permits ?? []);
    return bulkSlot(account, bulk);
  }
  if (singles && singles.permits.length > 0) return singleSlot(account, singles.permits);
  if (bulk.waitMs <= soonMs || singles) return { waitMs: singles ? Math.min(singles.waitMs, bulk.waitMs) : bulk.waitMs };

  const instead = await account.take('create_event', budget);
  return instead.permits.length > 0 ? singleSlot(account, instead.permits) : { waitMs: Math.min(instead.waitMs, bulk.waitMs) };
}

function singleSlot(account: Account, permits: string[]): Slot {
  return slotOf<Track>(account, { items: permits.length, bytes: limits.create_event.maxBytes, permits }, (commands, taken) => sendSingles(account, commands, taken));
}

function bulkSlot(account: Account, bulk: Grant): Slot {
  const items = probing(bulk, limits.bulk_create_events.maxItems);
  const goAt = account.clock.now() + bulk.waitMs;
  return slotOf<Track>(account, { items, bytes: claimableBytes('bulk_create_events'), permits: bulk.permits }, (commands, permits) => sendBulk(account, commands, permits, goAt));
}

async function sendSingles(account: Account, commands: Outgoing<Track>[], permits: string[]): Promise<Answer[]> {
  const unused = [...permits];
  const answers = commands.map(async (outgoing): Promise<Answer> => {
    const unfit = unfitEvent(outgoing, wireBytes(eventRequest(outgoing)));
    if (unfit) return unfit;
    const permit = unused.shift();
    if (permit === undefined) return fromVerdict(outgoing, undefined);
    const outcome = await account.call('create_event', permit, (sdk) => sdk.events.createEvent(eventRequest(outgoing)));
    if (outcome.ok) return accepted(outgoing);
    if (outcome.problem.kind === 'items' && outcome.problem.errors.some(saysDuplicateEvent)) return accepted(outgoing, 'Klaviyo holds this event already.');
    return becauseOf(outgoing, outcome.problem);
  });
  await account.giveBack(unused);
  return Promise.all(answers);
}

async function sendBulk(account: Account, commands: Outgoing<Track>[], permits: string[], goAt: number): Promise<Answer[]> {
  const [permit, ...more] = permits;
  await account.giveBack(more);
  const answers: Answer[] = [];
  const firsts = new Map<string, { outgoing: Outgoing<Track>; entry: ReturnType<typeof bulkEvent>; bytes: number; copies: Outgoing<Track>[] }>();
  for (const outgoing of commands) {
    const entry = bulkEvent(outgoing);
    const bytes = wireBytes(entry);
    const unfit = unfitEvent(outgoing, bytes);
    if (unfit) {
      answers.push(unfit);
      continue;
    }
    // "If the unique_id is repeated for the same profile and metric, the request will fail and no events will be processed."
    const key = `${outgoing.command.uniqueId}\n${outgoing.command.metric}\n${JSON.stringify(entry.attributes.profile.data)}`;
    const first = firsts.get(key);
    if (first) first.copies.push(outgoing);
    else firsts.set(key, { outgoing, entry, bytes, copies: [] });
  }

  const items = [...firsts.values()];
  const early = goAt - account.clock.now();
  if (early > 0) await account.clock.wait(early);
  const verdicts = await sendIsolated({
    account, operation: 'bulk_create_events', items, permit, patience: aWhile(),
    call: (part, leave) => account.call('bulk_create_events', leave, (sdk) => sdk.events.bulkCreateEvents(bulkEventsRequest(part.map(({ entry }) => entry)))),
  });
  for (const item of items) {
    const verdict = verdicts.get(item);
    if (verdict?.is === 'taken') {
      answers.push(accepted(item.outgoing), ...item.copies.map((copy) => accepted(copy, 'The same event is in the batch; Klaviyo counts it once.')));
    } else if (verdict?.is === 'refused' && saysDuplicateEvent(verdict.error)) {
      answers.push(...[item.outgoing, ...item.copies].map((outgoing) => accepted(outgoing, 'Klaviyo holds this event already.')));
    } else {
      answers.push(...[item.outgoing, ...item.copies].map((outgoing) => fromVerdict(outgoing, verdict)));
    }
  }
  return answers;
}

/** Refuses here what Klaviyo would refuse for its size; in bulk it would take the whole batch down. */
function unfitEvent(outgoing: Outgoing<Track>, bytes: number): Answer | undefined {
  if (!isReachable(outgoing.identity)) return unreachable(outgoing);
  const { uniqueId, metric, properties } = outgoing.command;
  if (uniqueId.length < 1 || uniqueId.length > eventLimits.uniqueIdLength) return refused(outgoing, 'KLAVIYO_REFUSED_ITEM', `The unique id must have 1 to ${eventLimits.uniqueIdLength} characters.`);
  if (metric.length < 1 || metric.length > eventLimits.metricNameLength) return refused(outgoing, 'KLAVIYO_REFUSED_ITEM', `The metric name must have 1 to ${eventLimits.metricNameLength} characters.`);
  const tooLarge = (what: string) => refused(outgoing, 'KLAVIYO_ITEM_TOO_LARGE', what);
  if (bytes > limits.create_event.maxItemBytes) return tooLarge(`The event has more than ${limits.create_event.maxItemBytes} bytes.`);
  const values = Object.values(properties);
  if (values.length > eventLimits.properties) return tooLarge(`The event has more than ${eventLimits.properties} properties.`);
  if (values.some((value) => Array.isArray(value) && value.length > eventLimits.arrayItems)) return tooLarge(`A list of the event has more than ${eventLimits.arrayItems} items.`);
  if (values.flat().some((value) => typeof value === 'string' && value.length * 3 > eventLimits.stringBytes && Buffer.byteLength(value) > eventLimits.stringBytes)) return tooLarge(`A text of the event has more than ${eventLimits.stringBytes} bytes.`);
  return undefined;
}
