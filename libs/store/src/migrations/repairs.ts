import { Migration } from '@mikro-orm/migrations';

/** Which deliveries are repairs of a run. */
export class Repairs extends Migration {
  override name = '2026-11-repairs';

  override up(): void {
    this.addSql(`alter table connector.delivery add column run_id uuid null, add column repairs text[] null`);
    this.addSql(`create index delivery_run on connector.delivery (run_id) where run_id is not null`);
  }
}
