import { Migration } from '@mikro-orm/migrations';

/**
 * Whose repair a delivery is, and what goes only when nothing live waits. Being background is a column of its own beside the run: what an
 * operator replays goes live and still counts among the repairs of its run.
 */
export class Background extends Migration {
  override name = '2026-12-background';

  override up(): void {
    this.addSql(`alter table connector.delivery add column run_id uuid null, add column repairs text[] null, add column background boolean not null default false`);
    // Live ones stand together: counting and finding them never passes the repairs of a run, however many wait.
    this.addSql(`drop index connector.delivery_undecided`);
    this.addSql(`create index delivery_undecided on connector.delivery (background, tenant, id) where status = 'undecided'`);
    this.addSql(`create index delivery_run on connector.delivery (run_id) where run_id is not null`);

    this.addSql(`alter table connector.outbox add column background boolean not null default false`);
    this.addSql(`drop index connector.outbox_due`);
    this.addSql(`create index outbox_due on connector.outbox (tenant, lane, background, attempts, command_id) where state = 'pending'`);
  }
}
