import { rows, type Db } from './database.js';

export async function readWatermark(db: Db, tenant: string, name: string): Promise<number | undefined> {
  const [row] = await rows<{ at: number }>(db, `select (extract(epoch from at) * 1000)::float8 as at from connector.watermark where tenant = $1 and name = $2`, [tenant, name]);
  return row && Math.round(row.at);
}

export async function moveWatermark(db: Db, tenant: string, name: string, at: number): Promise<void> {
  await rows(
    db,
    `insert into connector.watermark as w (tenant, name, at) values ($1, $2, to_timestamp($3::float8 / 1000))
     on conflict (tenant, name) do update set at = greatest(w.at, excluded.at)`,
    [tenant, name, at],
  );
}
