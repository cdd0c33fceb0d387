import type { Changes, Command, DeliveryOutcome } from '#core';
import { Differences } from '../../../apps/replay/src/differences.js';
import { reportOf, textOf } from '../../../apps/replay/src/report.js';

const track = (metric: string, properties = {}): Command => ({ do: 'track', uniqueId: 'u', metric, at: 1, properties, backfill: false });
const profile = (properties = {}, attributes = {}): Command => ({ do: 'upsert-profile', attributes, properties });
const subscribe = (listId: string): Command => ({ do: 'subscribe', listId, channel: 'email', consentedAt: 1, field: 'consents_email', historical: false });

/** What deciding deliveries d-1, d-2, … of one person gave. */
function decided(commands: Command[][], outcomes: Partial<DeliveryOutcome>[] = []): Changes {
  return {
    persons: [],
    absorbed: [],
    commands: commands.flatMap((some, i) => some.map((command) => ({ deliveryId: `d-${i + 1}`, personId: 'ana', command, goes: 'at-once' as const }))),
    outcomes: commands.map((_, i) => ({ id: `d-${i + 1}`, status: 'processed', notes: [], ...outcomes[i] }) as DeliveryOutcome),
  };
}

function compared(before: Changes, after: Changes): Differences {
  const differences = new Differences();
  differences.add(before, after);
  return differences;
}

describe('two ways of deciding the same deliveries', () => {
  it('that come to the same do not differ, in whatever order a plugin puts properties', () => {
    const { commands, all } = compared(decided([[track('A', { x: 1, y: 2 }), profile({ a: 1, b: 2 })]]), decided([[profile({ b: 2, a: 1 }), track('A', { y: 2, x: 1 })]]));
    expect(all).toEqual([]);
    expect(commands).toEqual([
      { kind: 'track', before: 1, after: 1, added: 0, removed: 0, changed: 0 },
      { kind: 'upsert-profile', before: 1, after: 1, added: 0, removed: 0, changed: 0 },
    ]);
  });

  it('differ by what is added, removed and changed, by name and never by value', () => {
    const { commands, all } = compared(
      decided([[track('Wallet Pass Created'), profile({ city: 'Nice', tier: 'gold' }), subscribe('NEWS')], [track('Wallet Pass Installed', { shop: 1 })]]),
      decided([[profile({ tier: 'silver', favourite: 'espresso' }, { firstName: 'Ana' }), subscribe('VIP')], [track('Card Installed', { shop: 2 })]]),
    );
    expect(commands).toEqual([
      { kind: 'subscribe', before: 1, after: 1, added: 1, removed: 1, changed: 0 },
      { kind: 'track', before: 2, after: 1, added: 0, removed: 1, changed: 1 },
      { kind: 'upsert-profile', before: 1, after: 1, added: 0, removed: 0, changed: 1 },
    ]);
    expect(all.map(({ kind, what, deliveries }) => `${kind}: ${what} (${deliveries.join()})`).toSorted()).toEqual([
      'subscribe: added: list VIP by consents_email (d-1)',
      'subscribe: removed: list NEWS by consents_email (d-1)',
      'track: changed: name (d-2)',
      'track: changed: property shop (d-2)',
      'track: removed: event Wallet Pass Created (d-1)',
      'upsert-profile: changed: attribute firstName (d-1)',
      'upsert-profile: changed: property city (d-1)',
      'upsert-profile: changed: property favourite (d-1)',
      'upsert-profile: changed: property tier (d-1)',
    ]);
    expect(JSON.stringify(all)).not.toMatch(/Nice|gold|silver|espresso|Ana/);
  });

  it('do not differ only because a profile update goes with a later delivery', () => {
    const { commands, all } = compared(decided([[profile({ a: 1 })], []]), decided([[], [profile({ a: 1 })]]));
    expect(all).toEqual([]);
    expect(commands).toMatchObject([{ added: 0, removed: 0, changed: 0 }]);
  });

  it('differ by how deliveries end, and by plugins that fail', () => {
    const { all } = compared(
      decided([[], [], []]),
      decided([[], [], []], [{ status: 'ignored' }, { status: 'parked', code: 'PLUGIN_FAILED' }, { notes: [{ by: 'plugin offers', says: 'x', code: 'PLUGIN_TOO_SLOW' }] }]),
    );
    expect(all.map(({ kind, what, count }) => `${kind}: ${what} ${count}`).toSorted()).toEqual(['delivery: processed → ignored 1', 'delivery: processed → parked PLUGIN_FAILED 1', 'plugin failure: plugin offers: PLUGIN_TOO_SLOW 1']);
  });

  it('are counted over all pages, with a few deliveries to look at', () => {
    const differences = new Differences();
    for (let page = 0; page < 5; page++) differences.add(decided([[profile()], [track('A')]]), decided([[profile({ favourite: 1 })], [track('A')]]));
    expect(differences.deliveries).toBe(10);
    expect(differences.all).toEqual([{ kind: 'upsert-profile', what: 'changed: property favourite', count: 5, deliveries: ['d-1'] }]);
    expect(textOf(reportOf('acme', differences), 'offers', true)).toBe(`
acme: 10 deliveries
  command         now  with offers  added  removed  changed
  track             5            5      0        0        0
  upsert-profile    5            5      0        0        5

                  what                         times  for example delivery
  upsert-profile  changed: property favourite      5  d-1
`);
  });
});
