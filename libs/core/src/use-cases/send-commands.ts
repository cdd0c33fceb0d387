import { isWalletLane, type Command, type Lane } from '../command.js';
import type { Answer, Marketing, Outgoing, Slot } from '../ports/marketing.js';
import { type Background, inBackground, type Job, type Queue } from '../ports/queue.js';
import type { Store } from '../ports/store.js';
import type { Clock, Log, Meter } from '../ports/system.js';
import type { WalletPlatform } from '../ports/wallet.js';
import type { AllowNotifications } from './allow-notifications.js';
import { OneAtATime } from './one-at-a-time.js';

/** Longer than any call may take, so a living process never loses its commands to another. */
const leaseMs = 90_000;
/** Requests of one lane on their way together; Klaviyo's bulk endpoints allow ten in a second. */
const mostInFlight = 10;
/** In the background full batches follow each other evenly; more requests on their way would only take the database's time from what is live. */
const mostInFlightInBackground = 3;
/** After so long the lane goes back to the queue, so that every tenant gets its turn. */
const turnMs = 10_000;
/** Twice the largest batch of events. */
const countAgainBelow = 2_000;
/** In the background: fewer wait for others while a run finds more. An import costs several calls, and a run would make one every few seconds. */
const worthSending = 2_000;
const gatherMs = 2_000;
/** A stopping process must not fetch its own word again at once: it would go round in circles until its queue is stopped. */
const leaveWordMs = 1_000;
/** A shorter wait is not worth a trip through the queue. */
const shortWaitMs = 1_000;
/** Klaviyo applies a subscription up to minutes after it took it; until then "not a member" proves nothing. */
const subscriptionSettlesMs = 5 * 60_000;
const lookAgainMs = 20_000;
/** One in so many accepted events is read back, and how long after. */
const readBackEvery = 100;
const readBackAfterMs = 5 * 60_000;

/** What waits in a lane of a tenant: what is live, or the repairs of runs. Neither ever waits for requests of the other. */
interface Line extends Background {
  tenant: string;
  lane: Lane;
}

/** Sends what waits in a lane of a tenant, as fast as the vendor's limits allow, and writes the answers to the ledger. */
export class SendCommands {
  private readonly lanes = new OneAtATime();
  private stopping = false;

  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly marketing: Marketing,
    private readonly wallet: WalletPlatform,
    private readonly allow: AllowNotifications,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly meter: Meter,
  ) {}

  /** Takes no new commands; `run` returns when those in hand are answered. */
  stop(): void {
    this.stopping = true;
  }

  async run(tenant: string, lane: Lane, background = false): Promise<void> {
    const line: Line = { tenant, lane, ...inBackground(background) };
    let comeBackMs: number | undefined;
    const ran = await this.lanes.run(JSON.stringify(line), async () => {
      comeBackMs = await this.turn(line);
      return comeBackMs !== 0 && !this.stopping;
    });
    if (!ran) return;
    // Only now: while the lane ran, this process itself would have fetched the job and taken it for one that the loop has seen.
    // A loop that stops may have been told of commands it never looked at, so it always leaves word.
    if (this.stopping) comeBackMs = leaveWordMs;
    if (comeBackMs !== undefined) await this.queue.send({ queue: 'send-commands', data: line, afterMs: comeBackMs });
  }

  /** Answers after how long the lane is worth another turn; undefined: when somebody says so. */
  private async turn(line: Line): Promise<number | undefined> {
    const inFlight = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const comeBackMs = await this.sendDue(line, inFlight, failures).finally(() => Promise.all(inFlight));
    // The leases of what was in hand run out; the job is run again and takes them back.
    if (failures.length > 0) throw failures[0];
    return comeBackMs;
  }

  private async sendDue(line: Line, inFlight: Set<Promise<void>>, failures: unknown[]): Promise<number | undefined> {
    const { tenant, lane, background = false } = line;
    const most = background ? mostInFlightInBackground : mostInFlight;
    const endsAt = this.clock.now() + turnMs;
    let due = 0;
    let nextInMs: number | undefined;
    let gathers = false;
    while (failures.length === 0) {
      if (this.stopping || this.clock.now() > endsAt) return 0;
      if (inFlight.size >= most) await Promise.race(inFlight);
      // Counting a long lane takes as long as sending from it; what was counted is good until little of it is left.
      if (due < countAgainBelow) ({ due, nextInMs, gathers = false } = await this.store.waiting(tenant, lane, background));
      if (gathers && !isWalletLane(lane) && due < worthSending) {
        nextInMs = gatherMs;
        due = 0;
      }
      if (due === 0) {
        if (inFlight.size === 0) return nextInMs;
        // An answer may put commands back.
        await Promise.race(inFlight);
        continue;
      }
      const slot = isWalletLane(lane) ? await this.wallet.slot(tenant, lane, due, background) : await this.marketing.slot(tenant, lane, due, background);
      if ('waitMs' in slot) {
        if (slot.waitMs > shortWaitMs) return slot.waitMs;
        await this.clock.wait(slot.waitMs);
        continue;
      }
      const commands = await this.store.claim(tenant, lane, slot, leaseMs, background).catch(async (error: unknown) => {
        // Kept, the leave would count against the limits of all replicas without a call.
        await slot.release();
        throw error;
      });
      due -= commands.length;
      if (commands.length === 0) {
        due = 0;
        await slot.release();
        // Due, but held back: another update of the same person is on its way.
        if (inFlight.size === 0) return shortWaitMs;
        await Promise.race(inFlight);
        continue;
      }
      const sent = this.allow
        .check(tenant, lane, commands)
        .then(async ({ allowed, answers }) => this.settle(line, commands, [...answers, ...(allowed.length > 0 ? await slot.send(allowed) : await released(slot))]))
        .catch((error: unknown) => void failures.push(error))
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
    }
    return undefined;
  }

  private async settle(line: Line, commands: Outgoing[], answers: Answer[]): Promise<void> {
    const { tenant, lane } = line;
    const byId = new Map(commands.map((command) => [command.id, command]));
    const settled = answers.map((answer) => unlessTooEarly(answer, byId.get(answer.id))).map((answer) => withCarried(answer, byId.get(answer.id)?.command));
    for (const answer of settled) {
      this.meter.count('connector_commands_total', { tenant, lane, outcome: answer.outcome });
      if (answer.outcome === 'refused') this.log.warn('command refused', { tenant, lane, command: answer.id, code: answer.code });
    }
    await this.store.settle(tenant, settled, followUps(line, settled));
  }
}

async function released(slot: Slot): Promise<Answer[]> {
  await slot.release();
  return [];
}

/** What a look-up was made for goes on with its answer, about whom it was made. */
function withCarried(answer: Answer, command: Command | undefined): Answer {
  if (!answer.told || command?.do !== 'look-up') return answer;
  const { carries, by, backfill } = command;
  const identifiers = { ...Object.fromEntries(by.map(({ key, value }) => [key, value]).reverse()), ...answer.told.identifiers };
  return { ...answer, told: { ...answer.told, identifiers, ...(carries ? { carried: carries } : {}), ...(backfill ? { backfill } : {}) } };
}

/** "Not a member" shortly after our own subscription means "not yet". */
function unlessTooEarly(answer: Answer, outgoing: Outgoing | undefined): Answer {
  if (answer.outcome !== 'skipped' || answer.code !== 'KLAVIYO_NOT_A_MEMBER') return answer;
  if ((outgoing?.sinceOppositeMs ?? Infinity) > subscriptionSettlesMs) return answer;
  return { id: answer.id, outcome: 'later', code: answer.code, waitMs: lookAgainMs };
}

function followUps({ tenant, lane, ...background }: Line, answers: Answer[]): Job[] {
  const receipts = new Set(answers.flatMap((answer) => (answer.outcome === 'importing' ? [answer.receipt] : [])));
  const jobs: Job[] = [...receipts].map((receipt) => ({ queue: 'follow-import', data: { tenant, receipt, ...background }, afterMs: 2_000 }));
  // The next run reads all events back, a page of them with one call.
  const accepted = lane === 'track' && !background.background ? answers.filter((answer) => answer.outcome === 'accepted') : [];
  // The command id decides, so a retry picks the same sample and no randomness is needed.
  const sample = accepted.filter(({ id }) => parseInt(id.slice(-6), 16) % readBackEvery === 0);
  for (const { id } of sample) jobs.push({ queue: 'read-back', data: { tenant, commandId: id, tries: 0 }, afterMs: readBackAfterMs });
  return jobs;
}
