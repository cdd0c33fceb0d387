import { Migration } from '@mikro-orm/migrations';

/** By which of their profiles a run has met a person first: another one is a duplicate, also for a process that goes on with the run. */
export class FirstProfiles extends Migration {
  override name = '2026-11-first-profiles';

  override up(): void {
    this.addSql(`alter table connector.run_seen add column profile text null`);
  }
}
