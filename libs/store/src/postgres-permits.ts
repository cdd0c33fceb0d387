import type { Grant, Limit, Pacing, Permits } from '#core';
import type { Database } from './database.js';

/** Vendor limits, kept in the database so that all replicas share them and its clock. How: `migrations/permits.ts`. */
export class PostgresPermits implements Permits {
  constructor(private readonly database: Database) {}

  async take(account: string, operation: string, want: number, { burst, steady }: Limit, { spacingMs = 0, aheadMs = 0 }: Pacing = {}): Promise<Grant> {
    const [taken] = await this.database.rows<Grant>(
      `select permits, wait_ms as "waitMs", failures_in_a_row as failures from connector.take_permits($1, $2, $3, $4, $5, $6, $7)`,
      [account, operation, Math.floor(want), Math.max(1, Math.floor(burst)), Math.max(1, Math.floor(steady)), Math.ceil(spacingMs), Math.floor(aheadMs)],
    );
    return taken!;
  }

  async settle(permits: string[]): Promise<void> {
    if (permits.length > 0) await this.database.rows(`select connector.settle_permits($1::bigint[])`, [permits]);
  }

  async giveBack(permits: string[]): Promise<void> {
    if (permits.length > 0) await this.database.rows(`select connector.give_back_permits($1::bigint[])`, [permits]);
  }

  async pause(account: string, operation: string, ms: number): Promise<void> {
    await this.database.rows(
      `insert into connector.pause as p (account, operation, until, failures, probed)
       values ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond', 0, false)
       on conflict (account, operation) do update set until = greatest(p.until, excluded.until)`,
      [account, operation, ms],
    );
  }

  /** All calls of one outage count as one failure: once an account failed, only a call that was made to try it again counts. */
  async failed(account: string): Promise<void> {
    const pauseAfter = (failures: string) => `clock_timestamp() + least(15, 0.5 * 2 ^ least(${failures}, 10)) * (0.75 + 0.25 * random()) * interval '1 second'`;
    await this.database.rows(
      `insert into connector.pause as p (account, operation, until, failures, probed) values ($1, '*', ${pauseAfter('0')}, 1, false)
       on conflict (account, operation) do update
         set until = greatest(p.until, ${pauseAfter('p.failures')}), failures = p.failures + 1, probed = false
         where p.failures = 0 or p.probed`,
      [account],
    );
  }

  async recovered(account: string): Promise<void> {
    await this.database.rows(
      `update connector.pause set failures = 0, probed = false, until = least(until, clock_timestamp()) where account = $1 and operation = '*' and failures > 0`,
      [account],
    );
  }
}
