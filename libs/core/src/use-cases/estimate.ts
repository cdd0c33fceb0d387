import { ConnectorError } from '../errors.js';
import type { Marketing } from '../ports/marketing.js';
import type { Passes } from '../ports/passes.js';
import type { NotNow, Profiles } from '../ports/profiles.js';
import type { Clock } from '../ports/system.js';
import type { RunOptions } from '../ports/runs.js';
import { leastMs, type Asks } from '../reconciliation/report.js';
import type { Rules } from '../rules.js';
import { paceOf } from './pace.js';

/** What a run of a tenant will take, at the most. Times are milliseconds of our share of the limits. */
export interface Estimate {
  passes: number;
  /** Klaviyo does not say how many there are: reckoned from how close together profiles were created at some moments. */
  profiles: number;
  reading: { calls: { passes: number; profiles: number }; leastMs: number };
  /** If nothing of all this were known yet, as for a brand that begins. */
  writing: Asks & { leastMs: number };
}

/** Moments at which the account is looked at. */
const probes = 8;
const profilesPerPage = 100;
const patienceMs = 30_000;

/** Reckons what a run costs before it begins, with a dozen calls. */
export class EstimateRun {
  constructor(
    private readonly passes: Passes,
    private readonly profiles: Profiles,
    private readonly marketing: Pick<Marketing, 'pace'>,
    private readonly rulesOf: (tenant: string) => Rules | undefined,
    private readonly clock: Clock,
  ) {}

  async of(tenant: string, { only, since }: RunOptions): Promise<Estimate> {
    const first = only.includes('status') ? await this.asked(() => this.passes.page(tenant, 0, 'oldest-first')) : undefined;
    const passes = first ? (first.total ?? first.passes.length) : 0;
    const profiles = since === undefined ? await this.countProfiles(tenant) : 0;
    const calls = { passes: first ? Math.ceil(passes / first.size) : 0, profiles: Math.ceil(profiles / profilesPerPage) };
    const pace = paceOf(tenant, this.passes, this.profiles, this.marketing);
    const nothing: Asks = { events: 0, profiles: 0, tokens: 0 };
    // Everybody registers once, and may have added the pass to both wallets.
    const writing: Asks = { events: passes * 3, profiles: Math.max(passes, profiles), tokens: this.rulesOf(tenant)?.links?.unasked ? passes : 0 };
    return {
      passes,
      profiles,
      reading: { calls, leastMs: leastMs(calls, nothing, pace) },
      writing: { ...writing, leastMs: leastMs({ passes: 0, profiles: 0 }, writing, pace) },
    };
  }

  private async countProfiles(tenant: string): Promise<number> {
    const first = await this.asked(() => this.profiles.page(tenant, {}));
    const oldest = first.profiles[0]?.createdAt;
    if (oldest === undefined || first.next === undefined) return first.profiles.length;
    const stretchMs = (this.clock.now() - oldest) / probes;
    let sum = 0;
    for (let n = 0; n < probes; n++) {
      const from = oldest + n * stretchMs;
      const { profiles } = await this.asked(() => this.profiles.page(tenant, { createdAfter: Math.floor(from) - 1, createdBefore: Math.ceil(from + stretchMs) }));
      const last = profiles.at(-1);
      // A page that is not full has all there are; a full one tells how close together they are.
      sum += profiles.length < profilesPerPage || !last ? profiles.length : (profilesPerPage * stretchMs) / Math.max(1, last.createdAt - from);
    }
    return Math.round(sum);
  }

  private async asked<T extends object>(ask: () => Promise<T | NotNow>): Promise<T> {
    for (let leftMs = patienceMs; ; ) {
      const answer = await ask();
      if (!('waitMs' in answer)) return answer;
      if (answer.waitMs > leftMs) throw new ConnectorError('KLAVIYO_BUSY', 'The run could not be reckoned; it can be begun all the same.');
      leftMs -= answer.waitMs;
      await this.clock.wait(answer.waitMs);
    }
  }
}
