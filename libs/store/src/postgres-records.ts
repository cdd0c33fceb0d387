import type { DeliveryRecord, EventKind, Person, Updates, Queue, Records, Refused, UnseenEvent, UnseenEvents, Walked } from '#core';
import type { PgBoss } from 'pg-boss';
import { asked, quick, type Database } from './database.js';
import { enqueue } from './jobs.js';
import { readDeliveries } from './operator-view.js';
import { countUnseen, findUnseen, markSeen, sendAgain } from './unseen-events.js';
import { walkGone, walkPasses, walkPersons } from './walk-unseen.js';
import { isUuid } from './uuid.js';
import { storable } from './storable.js';

/** What The Wallet Crew tells by itself; the rest are answers of it, calls of flows, and what Klaviyo tells. */
const webhookKinds: EventKind[] = ['registered', 'customer-updated', 'pass-created', 'pass-updated', 'pass-installed', 'pass-uninstalled'];

export class PostgresRecords implements Records {
  constructor(
    private readonly database: Database,
    private readonly boss: PgBoss,
    private readonly queue: Pick<Queue, 'wake'>,
  ) {}

  personsBy(tenant: string, identifiers: readonly string[]): Promise<Person[]> {
    return this.persons(
      `id in (select person_id from connector.person_identifier where tenant = $1 and identifier = any($2::text[])) order by id`,
      [tenant, identifiers.map(storable)],
    );
  }

  async person(tenant: string, id: string): Promise<Person | undefined> {
    const [person] = await this.persons('id = $2', [tenant, storable(id)]);
    return person;
  }

  unseenPersons(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { persons: Person[] }> {
    return walkPersons(this.database, tenant, runId, after ?? '', walk);
  }

  unseenPasses(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }> {
    return walkPasses(this.database, tenant, runId, after ?? '', walk);
  }

  gonePasses(runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }> {
    return walkGone(this.database, runId, after ?? '', walk);
  }

  async learnIds(tenant: string, ids: ReadonlyMap<string, string>): Promise<void> {
    await this.database.rows(
      // Nobody waits for the disk: what is lost is learned once more.
      `with ${quick}, person as materialized (
         select p.id, p.identity || jsonb_build_object('klaviyoId', given.klaviyo_id) as identity, given.klaviyo_id
         from quick, unnest($2::text[], $3::text[]) as given (id, klaviyo_id) join connector.person p on p.tenant = $1 and p.id = given.id
         where p.identity->>'klaviyoId' is null order by p.id for update of p
       ), named as (
         insert into connector.person_identifier (tenant, identifier, person_id) select $1, 'klaviyoId:' || klaviyo_id, id from person on conflict do nothing
       )
       update connector.person p set identity = person.identity, state = jsonb_set(p.state, '{identity}', person.identity), updated_at = clock_timestamp()
       from person where p.tenant = $1 and p.id = person.id`,
      [tenant, [...ids.keys()], [...ids.values()]],
    );
  }

  /** A command without an outcome is in the outbox. One that a newer one replaced says nothing: the newer one is found too. */
  async toldSince(tenant: string, personIds: readonly string[], since: number): Promise<Updates> {
    // Ids ascend in time: what was accepted after a refusal holds all that the refused update held.
    const told = await this.database.rows<{ id: string; lately: boolean; refused: (Refused & { words: string | null }) | null }>(
      `with told as (
         select c.person_id, c.id::text as id, c.code, c.words, c.delivery_id, c.outcome is not null as is_taken, c.settled_at,
           (select o.state = 'refused' from connector.outbox o where o.command_id = c.id) as is_refused
         from connector.command c
         where c.tenant = $1 and c.person_id = any($2::text[]) and c.lane = 'upsert-profile' and (c.outcome is null or c.outcome in ('accepted', 'seen'))
       )
       select person_id as id, bool_or(case when is_taken then settled_at >= to_timestamp($3::float8 / 1000) else is_refused is not true end) as lately,
         case when max(id) filter (where is_refused) > coalesce(max(id) filter (where is_taken), '') then
           (array_agg(jsonb_build_object('code', code, 'words', words, 'deliveryId', delivery_id) order by id desc) filter (where is_refused))[1] end as refused
       from told group by person_id`,
      [tenant, personIds, since],
    );
    return {
      lately: new Set(told.flatMap(({ id, lately }) => (lately ? [id] : []))),
      parked: new Map(told.flatMap(({ id, lately, refused }) => {
        if (lately || !refused) return [];
        const { words, ...rest } = refused;
        return [[id, { ...rest, ...(words === null ? {} : { words }) }] as const];
      })),
    };
  }

  /** Commands tell of deliveries that were decided before deliveries knew their persons. */
  async deliveriesOf(tenant: string, personId: string, limit: number): Promise<DeliveryRecord[]> {
    const newest = await this.database.rows<{ id: string }>(
      `select id from (
         (select id from connector.delivery where tenant = $1 and person_id = $2 order by id desc limit $3)
         union
         (select distinct delivery_id from connector.command where tenant = $1 and person_id = $2 order by delivery_id desc limit $3)) known
       order by id desc limit $3`,
      [tenant, personId, limit],
    );
    return asked(() => readDeliveries(this.database, tenant, newest.map(({ id }) => id)));
  }

  /** Goes back along the ids, which ascend in time; an event that had to wait for its token has become an answer that carries it. */
  async lastWebhook(tenant: string): Promise<number | undefined> {
    const [last] = await this.database.rows<{ at: number }>(
      `select (extract(epoch from received_at) * 1000)::float8 as at from connector.delivery
       where tenant || '' = $1 and run_id is null and (event->>'kind' = any($2::text[]) or event ? 'carried') order by id desc limit 1`,
      [tenant, [...webhookKinds, 'unknown']],
    );
    return last && Math.round(last.at);
  }

  unseenEvents(tenant: string, acceptedBefore: number): Promise<UnseenEvents[]> {
    return countUnseen(this.database, tenant, acceptedBefore);
  }

  markEventsSeen(tenant: string, uniqueIds: readonly string[]): Promise<number> {
    return markSeen(this.database, tenant, uniqueIds.map(storable));
  }

  stillUnseen(tenant: string, events: Pick<UnseenEvents, 'metric' | 'from' | 'to'>, acceptedBefore: number, limit: number): Promise<UnseenEvent[]> {
    return findUnseen(this.database, tenant, events, acceptedBefore, limit);
  }

  async sendEventsAgain(tenant: string, commandIds: readonly string[]): Promise<number> {
    const go = await this.database.transaction(async (db) => {
      const count = await sendAgain(db, tenant, commandIds.filter(isUuid));
      if (count > 0) await enqueue(this.boss, [{ queue: 'send-commands', data: { tenant, lane: 'track', background: true } }], db);
      return count;
    });
    if (go > 0) this.queue.wake('send-commands');
    return go;
  }

  private async persons(where: string, values: unknown[]): Promise<Person[]> {
    return (await this.database.rows<{ state: Person }>(`select state from connector.person where tenant = $1 and ${where}`, values)).map(({ state }) => state);
  }
}
