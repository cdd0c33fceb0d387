import type { Answer, Identity, Outgoing, UpsertProfile } from '#core';
import type { Account, Outcome, Patience } from './account.js';
import { becauseOf, later, refused } from './answers.js';
import { type Problem, record } from './errors.js';
import { byStrength, type Identifier, usableIdentifiers } from './identifiers.js';
import { profileRequest } from './requests.js';

/** One profile on its way: what Klaviyo objects to is left out, as far as somebody remains to be identified. */
export class SingleUpdate {
  constructor(private readonly account: Account, private readonly outgoing: Outgoing<UpsertProfile>, private readonly patience: Patience) {}

  async send(permit: string): Promise<Answer> {
    const outcome = await this.#call(this.outgoing.identity, permit);
    if (outcome.ok) return this.#accepted(outcome);
    const { problem } = outcome;
    if (problem.kind === 'duplicate') return this.#resolveConflict(problem);
    if (problem.kind === 'items' && concernsPhone(problem) && hasMoreThanPhone(this.outgoing.identity)) return this.#without(['phone'], 'phone');
    // A profile that was merged away is not found by its old id; the other identifiers still find it.
    if (problem.kind === 'missing' && this.outgoing.identity.klaviyoId !== undefined && usableIdentifiers(this.outgoing.identity).length > 0) {
      const { klaviyoId: _, ...identity } = this.outgoing.identity;
      return this.#retry(identity, (again) => (again.ok ? this.#accepted(again) : becauseOf(this.outgoing, again.problem)));
    }
    if (problem.kind === 'missing' && this.outgoing.identity.klaviyoId === undefined) return later(this.outgoing, 'KLAVIYO_UNAVAILABLE', undefined, problem.words);
    return becauseOf(this.outgoing, problem);
  }

  /**
   * A 409 says that an identifier belongs to another profile, seldom which. So the weaker ones are left out first, each once;
   * Klaviyo's `duplicate_profile_id` is handed on as a suggestion to merge.
   */
  async #resolveConflict(conflict: Problem): Promise<Answer> {
    const duplicateOf = conflict.errors.find((error) => error.duplicateProfileId !== undefined)?.duplicateProfileId;
    let last: Problem = conflict;
    for (const reduced of reductions(this.outgoing.identity, conflict)) {
      let stop: Answer | undefined;
      const weakest = reduced.at(-1)!;
      const answer = await this.#retry(withheld(this.outgoing.identity, reduced), (again) => {
        if (again.ok) return { ...this.#accepted(again), withheld: weakest, ...(duplicateOf === undefined ? {} : { duplicateOf }) };
        last = again.problem;
        return becauseOf(this.outgoing, again.problem);
      });
      if (answer.outcome === 'accepted' || answer.outcome === 'later') stop = answer;
      else if (last.kind !== 'duplicate') stop = answer;
      if (stop) return stop;
    }
    return refused(this.outgoing, last.code, last.words);
  }

  #without(left: Identifier[], named: Identifier): Promise<Answer> {
    return this.#retry(withheld(this.outgoing.identity, left), (again) => (again.ok ? { ...this.#accepted(again), withheld: named } : becauseOf(this.outgoing, again.problem)));
  }

  async #retry(identity: Identity, then: (outcome: Outcome) => Answer): Promise<Answer> {
    const taken = await this.account.takeOne('create_or_update_profile', this.patience);
    if (!('permit' in taken)) return later(this.outgoing, 'KLAVIYO_BUSY', taken.waitMs);
    return then(await this.#call(identity, taken.permit));
  }

  #call(identity: Identity, permit: string): Promise<Outcome> {
    const request = profileRequest({ ...this.outgoing, identity });
    return this.account.call('create_or_update_profile', permit, (sdk) => sdk.profiles.createOrUpdateProfile(request));
  }

  #accepted(outcome: Outcome & { ok: true }): Answer & { outcome: 'accepted' } {
    const klaviyoId = record(record(outcome.data)['data'])['id'];
    return { id: this.outgoing.id, outcome: 'accepted', ...(typeof klaviyoId === 'string' && klaviyoId !== '' ? { klaviyoId } : {}) };
  }
}

/** Which identifiers to leave out, one try after the other; somebody must remain to be identified. */
export function reductions(identity: Identity, conflict: Pick<Problem, 'pointers'>): Identifier[][] {
  const present = usableIdentifiers(identity);
  const spare = identity.klaviyoId === undefined ? present.slice(1) : present;
  const byWeakness = [...byStrength].reverse().filter((identifier) => spare.includes(identifier));
  const named = byWeakness.filter((identifier) => conflict.pointers.some((pointer) => pointer.endsWith(`/${vendorNames[identifier]}`)));
  const order = [...named, ...byWeakness.filter((identifier) => !named.includes(identifier))];
  const one = order.map((identifier) => [identifier]);
  return order.length > 1 ? [...one, order] : one;
}

const vendorNames = { externalId: 'external_id', email: 'email', phone: 'phone_number' } as const;

export function withheld(identity: Identity, more: readonly Identifier[]): Identity {
  return { ...identity, withheld: [...new Set([...(identity.withheld ?? []), ...more])] };
}

function concernsPhone(problem: Problem): boolean {
  return problem.errors.length > 0 && problem.errors.every((error) => isPhonePointer(error.pointer));
}

export function isPhonePointer(pointer: string | undefined): boolean {
  return pointer !== undefined && pointer.endsWith('/phone_number');
}

export function hasMoreThanPhone(identity: Identity): boolean {
  return identity.klaviyoId !== undefined || usableIdentifiers(identity).some((identifier) => identifier !== 'phone');
}
