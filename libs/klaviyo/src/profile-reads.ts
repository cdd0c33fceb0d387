import type { Channel } from '#core';
import type { AxiosResponse } from 'axios';
import type { Account, Patience } from './account.js';
import { type Problem, record } from './errors.js';
import { any, askable, cursorOf } from './filters.js';
import type { Operation } from './limits.js';
import type { Sdk } from './sdk.js';

/** What Klaviyo holds about consent of one address; read from the raw answer, because the SDK rounds times and drops what it does not know. */
export type ProfileAttributes = Record<string, unknown>;
/** `unaskable`: addresses that Klaviyo refuses to look for. */
export type Profiles = { ok: true; byAddress: Map<string, ProfileAttributes[]>; unaskable: Map<string, Problem> } | { ok: false; problem?: Problem; waitMs?: number };

interface Query {
  filter: string;
  additionalFieldsProfile: ['subscriptions'];
  pageSize: number;
  pageCursor?: string;
}

export const addressField = { email: 'email', sms: 'phone_number' } as const satisfies Record<Channel, string>;

/** Addresses as keys: Klaviyo stores e-mail addresses in lower case. */
export const addressKey = (channel: Channel, address: string): string => `${channel}:${address.toLowerCase()}`;

/**
 * Reads the profiles of many addresses with their subscriptions, a hundred a call; all of them or nothing. One address that
 * Klaviyo does not accept in a filter must not keep the others from being read: the call is halved until it stands alone.
 */
export async function readProfiles(
  account: Account,
  operation: Extract<Operation, 'get_profiles' | 'get_profiles_for_list'>,
  addresses: { channel: Channel; address: string }[],
  patience: Patience,
  ask: (sdk: Sdk, query: Query) => Promise<{ response: AxiosResponse }>,
): Promise<Profiles> {
  const byAddress = new Map<string, ProfileAttributes[]>();
  const unaskable = new Map<string, Problem>();
  for (const channel of ['email', 'sms'] as const) {
    const wanted = addresses.filter((one) => one.channel === channel).map(({ address }) => address);
    const parts = askable(wanted);
    for (let part = parts.shift(); part; part = parts.shift()) {
      const asked: readonly string[] = part;
      let cursor: string | undefined;
      do {
        const taken = await account.takeOne(operation, patience);
        if (!('permit' in taken)) return { ok: false, waitMs: taken.waitMs };
        const query: Query = {
          filter: any(addressField[channel], asked),
          additionalFieldsProfile: ['subscriptions'],
          pageSize: 100,
          ...(cursor === undefined ? {} : { pageCursor: cursor }),
        };
        const outcome = await account.call(operation, taken.permit, (sdk) => ask(sdk, query));
        if (!outcome.ok) {
          if (outcome.problem.kind !== 'items') return { ok: false, problem: outcome.problem };
          const middle = Math.ceil(asked.length / 2);
          if (asked.length > 1) parts.unshift(asked.slice(0, middle), asked.slice(middle));
          else unaskable.set(addressKey(channel, asked[0]!), outcome.problem);
          break;
        }
        const page = record(outcome.data);
        // No data where data must be is no answer: it must not be read as "nobody opted out".
        if (!Array.isArray(page['data'])) return { ok: false };
        for (const profile of page['data'] as unknown[]) {
          const attributes = record(record(profile)['attributes']);
          const address: unknown = attributes[addressField[channel]];
          if (typeof address !== 'string') continue;
          const key = addressKey(channel, address);
          byAddress.set(key, [...(byAddress.get(key) ?? []), attributes]);
        }
        const next = cursorOf(record(page['links'])['next']);
        cursor = next === cursor ? undefined : next;
      } while (cursor !== undefined);
    }
  }
  return { ok: true, byAddress, unaskable };
}
