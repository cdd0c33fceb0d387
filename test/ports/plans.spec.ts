import type { Command } from '#core';
import { openStore } from '#store';
import pg from 'pg';
import { freshDatabase, inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { asTheStore } from './as-the-store.js';
import { decideCommands, decideInBackground, sampleEvent, sampleTrack, sampleUpsert, tenant } from './samples.js';

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
}

/** The outbox is nearly always empty, and plans made then are used when a run or an outage has filled it. */
describe('what is live, planned while nothing waits,', () => {
  it('is saved, sent and answered without a look through all that waits later', async () => {
    const { url, drop } = await freshDatabase();
    const { store, records, close } = await openStore({ url, log: silentLog });
    const asked = jest.spyOn(pg.Client.prototype, 'query');
    const all = { items: 1_000, bytes: 5_000_000 };
    const subscribe: Command = { do: 'subscribe', channel: 'email', listId: 'NEWS01', field: 'consents_email', consentedAt: 1, undated: true, historical: false };
    const unsubscribe: Command = { do: 'unsubscribe', channel: 'email', listId: 'NEWS01', field: 'consents_email', withdrawnAt: 2 };
    const lookUp: Command = { do: 'look-up', profile: { email: 'ana@example.com' }, by: [] };

    await decideInBackground(store, [sampleUpsert('old'), lookUp]);
    await decideCommands(store, [sampleTrack(), sampleUpsert(), lookUp, subscribe, unsubscribe]);
    for (const lane of ['track', 'upsert-profile', 'look-up', 'subscribe', 'unsubscribe'] as const) {
      await store.waiting(tenant, lane);
      const claimed = await store.claim(tenant, lane, all, 60_000);
      expect(claimed.length + (lane === 'subscribe' ? 1 : 0)).toBeGreaterThan(0);
      const [first] = claimed;
      const answers = lane === 'upsert-profile' ? claimed.map(({ id }, position) => ({ id, outcome: 'importing' as const, receipt: 'job-1', position })) : claimed.map(({ id }) => ({ id, outcome: 'later' as const, code: 'KLAVIYO_BUSY' as const, waitMs: 1 }));
      await store.settle(tenant, answers, []);
      if (first && lane === 'look-up') await store.settle(tenant, [{ id: first.id, outcome: 'accepted', told: sampleEvent({ kind: 'looked-up' }) }], []);
    }
    await store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
    await records.toldSince(tenant, ['p-ana'], 0);
    const statements = new Set(asked.mock.calls.flatMap(([query]) => {
      const { text, name } = query as { text?: string; name?: string };
      return name && text?.includes('connector.outbox') ? [text] : [];
    }));
    asked.mockRestore();
    expect(statements.size).toBeGreaterThan(10);

    // As on any day: much is kept, and all of it sent.
    await inDatabase(url, `
      delete from connector.outbox;
      insert into connector.person (tenant, id, state, identity, updated_at) select 'acme', 'p-' || n, '{}', '{}', now() from generate_series(1, 20000) n;
      insert into connector.command (id, tenant, lane, delivery_id, person_id, command, outcome, attempts, settled_at)
        select md5('c' || n)::uuid, 'acme', case when n % 3 > 0 then 'track' else 'upsert-profile' end, md5('d' || n)::uuid, 'p-' || n, '{}', 'accepted', 0, now() from generate_series(1, 20000) n`);
    await inDatabase(url, 'vacuum analyze connector.outbox, connector.command, connector.person');
    const lookedThrough: string[] = [];
    for (const statement of statements) {
      const [explained] = await inDatabase<{ 'QUERY PLAN': [{ Plan: Plan }] }>(asTheStore(url), `explain (generic_plan, format json) ${statement}`);
      const look = (plan: Plan): void => {
        if (plan['Relation Name'] === 'outbox' && plan['Node Type'].endsWith('Scan') && (plan['Index Cond'] ?? '(tenant = $1)') === '(tenant = $1)') lookedThrough.push(statement);
        plan.Plans?.forEach(look);
      };
      look(explained!['QUERY PLAN'][0].Plan);
    }
    expect(lookedThrough).toEqual([]);
    await close();
    await drop();
  });
});
