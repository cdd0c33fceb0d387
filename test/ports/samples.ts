import { randomUUID } from 'node:crypto';
import type { Changes, Command, Identity, NewDelivery, Person, Store, Track, UpsertProfile, WalletEvent } from '#core';

export const tenant = 'acme';

export function sampleEvent(own: Partial<WalletEvent> = {}): WalletEvent {
  return { kind: 'pass-installed', name: 'Pass:Installed', at: 1_700_000_000_000, identifiers: { email: 'ana@example.com' }, metadata: {}, answers: {}, attributes: {}, ...own };
}

export function sampleDelivery(own: Partial<NewDelivery> = {}): NewDelivery {
  return { tenant, key: randomUUID(), receivedAt: 1_700_000_000_123, event: sampleEvent(), body: '{"event":"Pass:Installed"}', ...own };
}

export function samplePerson(id: string, identifiers: Record<string, string> = {}, identity: Identity = {}): Person {
  return {
    id,
    identifiers: Object.fromEntries(Object.entries(identifiers).map(([key, value]) => [key, [{ value, at: 1 }]])),
    passes: {},
    consents: {},
    optOuts: {},
    asked: {},
    metadata: {},
    account: {},
    attributes: {},
    identity,
  };
}

export function sampleTrack(own: Partial<Track> = {}): Track {
  return { do: 'track', uniqueId: randomUUID(), metric: 'Installed Pass', at: 1_700_000_000_000, properties: { tier: 'gold' }, backfill: false, ...own };
}

export function sampleUpsert(tier = 'gold'): UpsertProfile {
  return { do: 'upsert-profile', attributes: {}, properties: { tier } };
}

/** Receives one delivery and decides it with these changes; answers the delivery's id. */
export async function decide(store: Store, changes: Partial<Omit<Changes, 'outcomes'>> & { given?: (Omit<Changes['commands'][number], 'deliveryId'>)[] }, of = tenant, own: Partial<NewDelivery> = {}): Promise<string> {
  const [receipt] = await store.receive([sampleDelivery({ tenant: of, ...own })]);
  const { id } = receipt!;
  await store.alone(of, (unit) =>
    unit.save({
      persons: changes.persons ?? [],
      absorbed: changes.absorbed ?? [],
      commands: [...(changes.commands ?? []), ...(changes.given ?? []).map((command) => ({ ...command, deliveryId: id }))],
      outcomes: [{ id, status: 'processed', notes: [] }],
    }),
  );
  return id;
}

/** One reachable person per command, each decided in a delivery of its own where `personId` is not given. */
export async function decideCommands(store: Store, commands: Command[], personId = 'p-ana', of = tenant, own: Partial<NewDelivery> = {}): Promise<string> {
  return decide(
    store,
    {
      persons: [samplePerson(personId, { email: `${personId}@example.com` }, { email: `${personId}@example.com` })],
      given: commands.map((command) => ({ personId, command, goes: 'at-once' })),
    },
    of,
    own,
  );
}

/** What a run puts into the inbox. */
export const sampleRepair = { repair: { runId: '0198f000-0000-7000-8000-000000000001', kinds: ['install-unheard', 'status-wrong'] } } satisfies Partial<NewDelivery>;

/** The same as a repair of a run. */
export function decideInBackground(store: Store, commands: Command[], personId = 'p-ana', of = tenant): Promise<string> {
  return decideCommands(store, commands, personId, of, sampleRepair);
}
