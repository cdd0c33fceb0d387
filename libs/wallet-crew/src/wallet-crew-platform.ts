import { WalletPlatform, type Answer, type Clock, type Log, type Meter, type Notifications, type Outgoing, type Slot, type Vault, type WalletCommand, type WalletLane } from '#core';
import type { WalletCrewAccounts } from './accounts.js';
import { Calls } from './calls.js';
import type { Around } from './lane.js';
import { lookUp } from './look-up.js';
import { notify } from './notify.js';
import { answerTo, unavailable } from './said.js';
import { updatePass } from './update-pass.js';

export interface WalletCrewParts {
  accounts: WalletCrewAccounts;
  /** Whether the tenant has pass links, so that its look-ups ask for tokens too. */
  wantsTokens(tenant: string): boolean;
  clock: Clock;
  log: Log;
  meter: Meter;
  vaultOf(tenant: string): Vault;
  notifications: Notifications;
}

/** Commands of one slot, carried out side by side: leave that is taken is used at once. */
const mostTogether = 20;
const mostBytes = 1_000_000;
const longestWaitMs = 300_000;
/** Commands are leased for 90 s; a call that begins within this time has ended by then. */
const beginWithinMs = 55_000;

/** The wallet port over The Wallet Crew's API. */
export class WalletCrewPlatform extends WalletPlatform {
  constructor(private readonly parts: WalletCrewParts) {
    super();
  }

  async slot(tenant: string, lane: WalletLane, waiting: number, background = false): Promise<Slot | { waitMs: number }> {
    const { clock } = this.parts;
    const account = this.parts.accounts.of(tenant, background);
    if (!account) return { waitMs: longestWaitMs };
    const { settings } = account;
    const refusedUntil = account.refusedUntil(lane);
    if (refusedUntil !== undefined && refusedUntil > clock.now()) return { waitMs: refusedUntil - clock.now() };
    const each = lane === 'push-update' || (lane === 'look-up' && !this.parts.wantsTokens(tenant)) ? 1 : 2;
    const grant = await account.take(Math.min(waiting, refusedUntil === undefined ? mostTogether : 1) * each);
    if (grant.permits.length === 0) return { waitMs: grant.waitMs };
    // Less than one command needs is enough to begin it; it is the first to get more.
    const items = Math.max(1, Math.floor(grant.permits.length / each));
    let open: string[] | undefined = grant.permits;
    const take = (most: number) => {
      const permits = open ?? [];
      open = undefined;
      return { permits: permits.slice(0, most), spare: permits.slice(most) };
    };
    return {
      items,
      bytes: mostBytes,
      send: async (commands) => {
        const { permits, spare } = take(commands.length * each);
        const calls = new Calls(account, lane, permits, clock.now() + beginWithinMs, this.parts);
        const answers = commands.map((outgoing, n) => this.#answer(outgoing, { ...this.parts, tenant, settings, vault: this.parts.vaultOf(tenant), wantsTokens: this.parts.wantsTokens(tenant), call: calls.of(n) }));
        await account.giveBack(spare);
        return Promise.all(answers).finally(() => calls.end());
      },
      release: () => account.giveBack(take(0).spare),
    };
  }

  /** Every command gets its answer: what fails on our side is tried again, and of the others nothing is lost over it. */
  async #answer(outgoing: Outgoing, around: Around): Promise<Answer> {
    try {
      return await carryOut(outgoing as Outgoing<WalletCommand>, around);
    } catch (error) {
      around.log.error('a command to The Wallet Crew failed unexpectedly', { command: outgoing.id, error: error instanceof Error ? error.name : 'unknown' });
      return answerTo(outgoing, unavailable('It could not be carried out here.', false));
    }
  }
}

function carryOut(outgoing: Outgoing<WalletCommand>, around: Around): Promise<Answer> {
  switch (outgoing.command.do) {
    case 'push-update':
      return updatePass({ ...outgoing, command: outgoing.command }, around);
    case 'notify':
      return notify({ ...outgoing, command: outgoing.command }, around);
    case 'look-up':
      return lookUp({ ...outgoing, command: outgoing.command }, around);
  }
}
