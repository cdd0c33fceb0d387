import type { NotificationLimit, Notifications } from '#core';
import { rows, type Database } from './database.js';

/** Which notifications went to which pass, in the database so that all replicas know. */
export class PostgresNotifications implements Notifications {
  constructor(private readonly database: Database) {}

  async begin(tenant: string, commandId: string, passId: string, limit?: NotificationLimit): Promise<'go' | 'begun-before' | 'over-limit'> {
    return this.database.transaction(async (db) => {
      // Two replicas that both counted two would make it four.
      await rows(db, `select pg_advisory_xact_lock(3, hashtext($1))`, [`${tenant} ${passId}`]);
      const [found] = await rows<{ mine: boolean; sent: number }>(
        db,
        `select exists (select 1 from connector.notification where command_id = $3) as mine,
           (select count(*)::int from connector.notification where tenant = $1 and pass_id = $2 and at > clock_timestamp() - $4::float8 * interval '1 millisecond') as sent`,
        [tenant, passId, commandId, limit?.withinMs ?? 0],
      );
      if (found!.mine) return 'begun-before';
      if (limit && found!.sent >= limit.most) return 'over-limit';
      await rows(db, `insert into connector.notification (command_id, tenant, pass_id, at) values ($1, $2, $3, clock_timestamp())`, [commandId, tenant, passId]);
      return 'go';
    });
  }

  async takeBack(commandId: string): Promise<void> {
    await this.database.rows(`delete from connector.notification where command_id = $1`, [commandId]);
  }
}
