import pg from 'pg';
import type { Delivery } from '#core';
import { lowestId } from './uuid.js';

const pageSize = 200;
/** PostgreSQL's code for a table that does not exist. */
const noSuchTable = '42P01';
/** The session refuses to write; and a large inbox is read along its index. */
const session = '-c default_transaction_read_only=on -c enable_seqscan=off -c enable_bitmapscan=off';

interface Row {
  id: string;
  receivedAt: number;
  event: Delivery['event'];
}

/** What the inbox holds of the past. */
export interface Recorded {
  /** Deliveries in the order they are decided, page by page. */
  since(tenant: string, at: number): AsyncGenerator<Delivery[]>;
  close(): Promise<void>;
}

/** Opens a database only to read the inbox: no tables are made, no queue is started and nothing can be written. */
export async function openRecorded(url: string): Promise<Recorded> {
  const client = new pg.Client({ connectionString: url, application_name: 'connector-replay', options: session });
  await client.connect();
  return { since: (tenant, at) => pages(client, tenant, at), close: () => client.end() };
}

async function* pages(client: pg.Client, tenant: string, at: number): AsyncGenerator<Delivery[]> {
  for (let after = lowestId(at); ; ) {
    const { rows } = await client
      .query<Row>(
        `select id, (extract(epoch from received_at) * 1000)::float8 as "receivedAt", event from connector.delivery
         where tenant = $1 and id > $2 order by id limit ${pageSize}`,
        [tenant, after],
      )
      .catch((error: { code?: string }) => {
        if (error.code === noSuchTable) return { rows: [] as Row[] };
        throw error;
      });
    if (rows.length > 0) yield rows.map(({ receivedAt, ...row }) => ({ ...row, receivedAt: Math.round(receivedAt) }));
    if (rows.length < pageSize) return;
    after = rows.at(-1)!.id;
  }
}
