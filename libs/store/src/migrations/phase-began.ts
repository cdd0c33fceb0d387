import { Migration } from '@mikro-orm/migrations';

/** Since when a run is in its phase: what it found before is sent, while the rest still gathers. */
export class PhaseBegan extends Migration {
  override name = '2026-11-phase-began';

  override up(): void {
    this.addSql(`alter table connector.run add column phase_at timestamptz(6) null`);
  }
}
