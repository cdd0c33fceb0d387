import { type Access, type FlowRecipe, type HeldFlow, type HeldList, type HeldSegment, isUnanswered, MarketingSetup, type Scope, type SegmentRecipe, type Unanswered } from '#core';
import type { AxiosResponse } from 'axios';
import type { Account, Outcome } from './account.js';
import { flowQuery, groupsOf, segmentQuery } from './definitions.js';
import { record } from './errors.js';
import { any, askable, cursorOf, equals } from './filters.js';
import type { KlaviyoAccounts } from './accounts.js';
import type { Operation } from './limits.js';
import { retirementOf, revision } from './revision.js';
import { namedScopes, neededScopes } from './scopes.js';
import type { Sdk } from './sdk.js';

/** A person waits; longer than an operation is paused that a running connector found closed. */
const askPatienceMs = 65_000;
/** Fifteen things may be created in a minute. */
const createPatienceMs = 600_000;
const mostPages = 100;

type Resource = { id: string; attributes: Record<string, unknown> };

/** The setup port over Klaviyo. */
export class KlaviyoSetup extends MarketingSetup {
  constructor(private readonly accounts: KlaviyoAccounts) {
    super();
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.accounts.close();
  }

  async access(tenant: string): Promise<Access | Unanswered> {
    const account = this.accounts.of(tenant);
    // The first question shows whether there is any use in the others.
    const [whose, ...others] = neededScopes;
    const answered = await ask(account, whose!.proof!.operation, whose!.proof!.ask, { isQuestion: true });
    if (!answered.ok && answered.problem.code !== 'KLAVIYO_SCOPE_MISSING') return unanswered(answered);
    const missing = new Set<string>(answered.ok ? [] : namedScopes(answered.problem, whose!.name));
    const scopes = await Promise.all(others.map(async ({ proof, ...scope }): Promise<Scope> => {
      if (!proof) return { ...scope, state: 'unproven' };
      const outcome = await ask(account, proof.operation, proof.ask, { isQuestion: true });
      if (outcome.ok) return { ...scope, state: 'granted' };
      if (outcome.problem.code !== 'KLAVIYO_SCOPE_MISSING') return { ...scope, state: 'unasked', words: outcome.problem.words };
      for (const name of namedScopes(outcome.problem, scope.name)) missing.add(name);
      return { ...scope, state: 'unasked', words: outcome.problem.words };
    }));
    const { proof: _asked, ...first } = whose!;
    const data = answered.ok ? resources(answered.data)?.[0] : undefined;
    return {
      ...(data ? { account: { id: data.id, isTest: data.attributes['test_account'] === true } } : {}),
      retiresAt: retirementOf(revision),
      scopes: [{ ...first, state: answered.ok ? 'granted' as const : 'unasked' as const }, ...scopes].map((scope) => (missing.has(scope.name) ? { ...scope, state: 'missing' as const } : scope)),
    };
  }

  async lists(tenant: string, ids: readonly string[]): Promise<HeldList[] | Unanswered> {
    const found = await this.#named(ids, (values) => this.#all(tenant, 'get_lists', (sdk, page) => sdk.lists.getLists({ filter: any('id', values), fieldsList: ['name', 'opt_in_process'], pageSize: 10, ...page })));
    if (isUnanswered(found)) return found;
    return found.map(({ id, attributes }) => ({ id, name: textOf(attributes['name']), optIn: attributes['opt_in_process'] === 'double_opt_in' ? 'double' : 'single' }));
  }

  async metrics(tenant: string): Promise<string[] | Unanswered> {
    const found = await this.#all(tenant, 'get_metrics', (sdk, page) => sdk.metrics.getMetrics({ fieldsMetric: ['name'], ...page }));
    return isUnanswered(found) ? found : found.map(({ attributes }) => textOf(attributes['name']));
  }

  async segments(tenant: string, names: readonly string[]): Promise<HeldSegment[] | Unanswered> {
    const found = await this.#named(names, (values) => this.#all(tenant, 'get_segments', (sdk, page) => sdk.segments.getSegments({ filter: any('name', values), pageSize: 10, ...page })));
    return isUnanswered(found) ? found : found.map(heldSegment);
  }

  async flows(tenant: string, name: string): Promise<HeldFlow[] | Unanswered> {
    const found = await this.#all(tenant, 'get_flows', (sdk, page) => sdk.flows.getFlows({ filter: equals('name', name), fieldsFlow: ['name', 'status', 'archived'], ...page }));
    return isUnanswered(found) ? found : found.map(heldFlow);
  }

  async createSegment(tenant: string, recipe: SegmentRecipe): Promise<HeldSegment | Unanswered> {
    const outcome = await ask(this.accounts.of(tenant), 'create_segment', (sdk) => sdk.segments.createSegment(segmentQuery(recipe)), { patienceMs: createPatienceMs });
    return one(outcome, heldSegment);
  }

  async createFlow(tenant: string, recipe: FlowRecipe, segmentId: string): Promise<HeldFlow | Unanswered> {
    const outcome = await ask(this.accounts.of(tenant), 'create_flow', (sdk) => sdk.flows.createFlow(flowQuery(recipe, segmentId)), { patienceMs: createPatienceMs });
    return one(outcome, heldFlow);
  }

  async #named(names: readonly string[], read: (values: string[]) => Promise<Resource[] | Unanswered>): Promise<Resource[] | Unanswered> {
    const all: Resource[] = [];
    for (const values of askable(names)) {
      const found = await read(values);
      if (isUnanswered(found)) return found;
      all.push(...found);
    }
    return all;
  }

  /** All pages. Half of what there is would make us create the rest a second time. */
  async #all(tenant: string, operation: Operation, read: (sdk: Sdk, page: { pageCursor?: string }) => Promise<{ response: AxiosResponse }>): Promise<Resource[] | Unanswered> {
    const all: Resource[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const outcome = await ask(this.accounts.of(tenant), operation, (sdk) => read(sdk, cursor === undefined ? {} : { pageCursor: cursor }), { isQuestion: true });
      if (!outcome.ok) return unanswered(outcome);
      const found = resources(outcome.data);
      if (!found) return unreadable;
      all.push(...found);
      const next = cursorOf(record(record(outcome.data)['links'])['next']);
      if (next === undefined || next === cursor) return all;
      cursor = next;
    }
    return { code: 'KLAVIYO_UNAVAILABLE', words: `The list has more than ${mostPages} pages.` };
  }
}

const unreadable: Unanswered = { code: 'KLAVIYO_UNAVAILABLE', words: 'The answer cannot be read.' };

async function ask(account: Account, operation: Operation, request: (sdk: Sdk) => Promise<{ response: AxiosResponse }>, { patienceMs = askPatienceMs, isQuestion = false } = {}): Promise<Outcome> {
  const taken = await account.takeOne(operation, { leftMs: patienceMs });
  if ('permit' in taken) return account.call(operation, taken.permit, request, isQuestion);
  return { ok: false, problem: { code: 'KLAVIYO_BUSY', kind: 'later', pause: 'none', words: `No leave to call for another ${Math.ceil(taken.waitMs / 1000)} s.`, errors: [], pointers: [], status: 'none' } };
}

function unanswered({ problem: { code, words } }: Extract<Outcome, { ok: false }>): Unanswered {
  return { code, words };
}

function one<T>(outcome: Outcome, read: (resource: Resource) => T): T | Unanswered {
  if (!outcome.ok) return unanswered(outcome);
  const found = resources({ data: [record(outcome.data)['data']] })?.[0];
  return found ? read(found) : unreadable;
}

function resources(body: unknown): Resource[] | undefined {
  const data = record(body)['data'];
  if (!Array.isArray(data)) return undefined;
  const read = data.map(record).map(({ id, attributes }) => (typeof id === 'string' ? { id, attributes: record(attributes) } : undefined));
  return read.includes(undefined) ? undefined : (read as Resource[]);
}

function heldSegment({ id, attributes: { name, definition } }: Resource): HeldSegment {
  const groups = groupsOf(definition);
  return { id, name: textOf(name), ...(groups ? { groups } : {}) };
}

function heldFlow({ id, attributes: { name, status, archived } }: Resource): HeldFlow {
  return { id, name: textOf(name), status: archived === true ? 'archived' : textOf(status) };
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
