import { isUnanswered, type HeldFlow, type HeldSegment, type MarketingSetup, type Unanswered, type WalletSetup } from '../ports/setup.js';
import type { Clock } from '../ports/system.js';
import { type Expectations, type Finding, configuredLists } from '../recipes/findings.js';
import { accessFindings, listFindings, metricFindings } from '../recipes/marketing-findings.js';
import { sameGroups, type SegmentRecipe, segmentsOf } from '../recipes/segments.js';
import { type FlowRecipe, syncFlow } from '../recipes/sync-flow.js';
import { passFindings, webhookFindings } from '../recipes/wallet-findings.js';

/**
 * A recipe and what came of it.
 * - `absent`: it could be created. `there`, `created`: with the vendor's `id`.
 * - `differs`: something else has its name. `refused`: it shall be created and cannot be. `unknown`: nobody could say whether it is there.
 */
export interface Prepared<R> {
  recipe: R;
  state: 'absent' | 'there' | 'created' | 'differs' | 'refused' | 'unknown';
  id?: string;
  words?: string;
}

export interface SetUpReport {
  findings: Finding[];
  segments: Prepared<SegmentRecipe>[];
  flow: Prepared<FlowRecipe>;
  /** Nothing is missing. What could be created and was not asked for is an offer, and misses nobody. */
  isGood: boolean;
}

export interface SetUpWish extends Expectations {
  /** What the flow proves itself with, where it has a key of its own: the one that opens The Wallet Crew itself is left to people. The report has a placeholder. */
  flowKey?: string;
  /** Told before each thing that is created. */
  progress?: (done: number, total: number) => void;
}

/** Looks at what a tenant needs at both vendors, and creates segments and flow where that is asked for: once, however often it runs. */
export class SetUp {
  constructor(private readonly marketing: MarketingSetup, private readonly wallet: WalletSetup, private readonly clock: Clock) {}

  async run(wish: SetUpWish): Promise<SetUpReport> {
    const { rules } = wish;
    const [access, walletFindings] = await Promise.all([this.marketing.access(rules.tenant), this.#walletFindings(wish)]);
    const findings = [...accessFindings(access, wish, this.clock.now()), ...(isUnanswered(access) ? [] : await this.#marketingFindings(wish)), ...walletFindings];
    const segments = await this.#segments(wish, isUnanswered(access) ? access : undefined);
    const flow = await this.#flow(wish, segments, isUnanswered(access) ? access : undefined);
    const isBad = ({ state }: { state: string }) => state === 'missing' || state === 'differs' || state === 'refused';
    return { findings, segments, flow, isGood: ![...findings, ...segments, flow].some(isBad) };
  }

  async #marketingFindings({ rules }: SetUpWish): Promise<Finding[]> {
    const ids = configuredLists(rules);
    const [lists, metrics] = await Promise.all([ids.length === 0 ? [] : this.marketing.lists(rules.tenant, ids), this.marketing.metrics(rules.tenant)]);
    return [...listFindings(lists, rules), ...metricFindings(metrics, rules)];
  }

  async #walletFindings(wish: SetUpWish): Promise<Finding[]> {
    const { rules } = wish;
    const passes = await this.wallet.passTypes(rules.tenant);
    const webhooks = await this.wallet.webhooks(rules.tenant);
    // What is wrong with all calls is said once.
    const isSame = isUnanswered(passes) && isUnanswered(webhooks) && passes.code === webhooks.code;
    return [...passFindings(passes, rules), ...(isSame ? [] : webhookFindings(webhooks, wish))];
  }

  async #segments({ rules, creates, progress }: SetUpWish, closed: Unanswered | undefined): Promise<Prepared<SegmentRecipe>[]> {
    const recipes = segmentsOf(rules);
    const held = closed ?? (await this.marketing.segments(rules.tenant, recipes.map(({ name }) => name)));
    if (isUnanswered(held)) return recipes.map((recipe) => ({ recipe, ...unasked(held, creates) }));
    const prepared = recipes.map((recipe) => found(recipe, held));
    const absent = prepared.filter(({ state }) => state === 'absent');
    if (!creates) return prepared;
    for (const [done, one] of absent.entries()) {
      progress?.(done, absent.length);
      Object.assign(one, created(await this.marketing.createSegment(rules.tenant, one.recipe)));
    }
    return prepared;
  }

  async #flow({ rules, url, flowKey, creates }: SetUpWish, segments: Prepared<SegmentRecipe>[], closed: Unanswered | undefined): Promise<Prepared<FlowRecipe>> {
    const recipe = syncFlow(rules.tenant, url === undefined ? {} : { url });
    const held = closed ?? (await this.marketing.flows(rules.tenant, recipe.name));
    if (isUnanswered(held)) return { recipe, ...unasked(held, creates) };
    const [there] = held;
    if (there) return { recipe, state: 'there', id: there.id, words: there.status };
    if (!creates) return { recipe, state: 'absent' };
    const segmentId = segments.find(({ recipe: { name }, state }) => name === recipe.trigger && (state === 'there' || state === 'created'))?.id;
    if (url === undefined) return { recipe, state: 'refused', words: 'It needs --url: where Klaviyo reaches this connector.' };
    if (segmentId === undefined) return { recipe, state: 'refused', words: `It needs the segment "${recipe.trigger}".` };
    const withKey = syncFlow(rules.tenant, { url, ...(flowKey === undefined ? {} : { key: flowKey }) });
    const made = created(await this.marketing.createFlow(rules.tenant, withKey, segmentId));
    return { recipe, ...made, ...(made.state === 'created' && flowKey === undefined ? { words: `${made.words}; its header X-API-KEY holds a placeholder: put the key there` } : {}) };
  }
}

function found(recipe: SegmentRecipe, held: HeldSegment[]): Prepared<SegmentRecipe> {
  const named = held.filter(({ name }) => name === recipe.name);
  const same = named.find(({ groups }) => groups && sameGroups(groups, recipe.groups));
  if (same) return { recipe, state: 'there', id: same.id };
  const [other] = named;
  return other ? { recipe, state: 'differs', id: other.id, words: 'A segment of this name has other conditions: rename it or correct it.' } : { recipe, state: 'absent' };
}

/** What shall be created is only created where it is certain that it is not there. */
function unasked({ code, words }: Unanswered, creates: boolean): Pick<Prepared<never>, 'state' | 'words'> {
  return { state: creates ? 'refused' : 'unknown', words: `${code}: ${words}` };
}

function created(answer: HeldSegment | HeldFlow | Unanswered): Pick<Prepared<never>, 'state' | 'id' | 'words'> {
  if (isUnanswered(answer)) return { state: 'refused', words: `${answer.code}: ${answer.words}` };
  return { state: 'created', id: answer.id, ...('status' in answer ? { words: answer.status } : {}) };
}
