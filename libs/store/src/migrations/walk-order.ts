import { Migration } from '@mikro-orm/migrations';

/**
 * What is walked through side by side must stand in one order. By the bytes, whatever language a database sorts by: in the order of a
 * language signs count for nothing, and `pass:` is no beginning under which all passes stand together.
 */
export class WalkOrder extends Migration {
  override name = '2026-11-walk-order';

  override up(): void {
    this.addSql(`alter table connector.person_identifier alter column identifier type text collate "C"`);
    this.addSql(`alter table connector.run_seen alter column key type text collate "C"`);
  }
}
