import type { EvaluationContext } from '@openfeature/server-sdk';
import type { Plain } from '#core';

/** Names that hold an address or a number. */
const contact = /mail|phone|mobile|msisdn/i;

/**
 * What a flag may be decided by: the person's key, tenant, plugin and facts. Facts are nested (`metadata.storeId` is `storeId` in
 * `metadata`), because flagd's rules read a dot as a step. No address and no phone number goes in: providers log contexts and send them
 * to services of others.
 */
export function contextOf(tenant: string, plugin: string, who: { key: string; facts: Record<string, Plain> }): EvaluationContext {
  const context: Record<string, Plain | Record<string, Plain>> = {};
  for (const [fact, value] of Object.entries(who.facts)) {
    if (contact.test(fact) || (typeof value === 'string' && value.includes('@'))) continue;
    const [group, name] = placeOf(fact);
    if (name === undefined) context[group] = value;
    else ((context[group] ??= {}) as Record<string, Plain>)[name] = value;
  }
  return Object.assign(context, { targetingKey: who.key, tenant, plugin });
}

/** Only the first dot of a fact is a step; a further one becomes an underscore, as in the properties of Klaviyo events. */
export function placeOf(fact: string): [group: string, name?: string] {
  const dot = fact.indexOf('.');
  return dot < 0 ? [fact] : [fact.slice(0, dot), fact.slice(dot + 1).replaceAll('.', '_')];
}

export function factIn(context: EvaluationContext, [group, name]: ReturnType<typeof placeOf>): Plain | undefined {
  const held = context[group];
  if (name === undefined) return held as Plain | undefined;
  return typeof held === 'object' && Object.hasOwn(held as object, name) ? (held as Record<string, Plain>)[name] : undefined;
}
